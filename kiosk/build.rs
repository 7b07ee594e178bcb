//! Lists the page's two commands, and makes sure that there is a page.

use std::{fs, path::Path};

const PAGE: &str = "../web/apps/kiosk/dist";
const UNBUILT: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
    <title>预付</title>\
    <p>自助终端页面还没有构建：请先运行 scripts/web build。</p>\
    <p>The kiosk's page was not built: run scripts/web build first.</p>";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={PAGE}");
    let index = Path::new(PAGE).join("index.html");
    if !index.exists() {
        fs::create_dir_all(PAGE)?;
        fs::write(index, UNBUILT)?;
    }
    let commands = tauri_build::AppManifest::new().commands(&["beat", "intent"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))?;
    Ok(())
}
