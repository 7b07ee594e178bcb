//! `yufu tags`: the QR on every meter, printed as sheets of labels (T2, part of the tenant's way
//! in).

use std::{collections::HashMap, path::PathBuf};

use domain::ProjectId;
use paper::{Align, Face, Page, PaperError};
use serde_json::json;
use store::{
    account::{self, Room},
    meter::{self, Meter},
    meter_tag,
};
use uuid::Uuid;

use super::{
    Done, Site,
    failure::{Exit, Failure},
    print_json,
};

/// Labels across and down a page: 63.5 × 38.1 mm, the sheet sold as "21 to a page".
const ACROSS: usize = 3;
const DOWN: usize = 7;
/// The size of a label, and where the first one begins, in millimetres.
const LABEL: (f32, f32) = (63.5, 38.1);
const MARGIN: (f32, f32) = (7.2, 15.1);
/// The room between two columns of labels.
const GUTTER: f32 = 2.5;
/// The side of the code on a label.
const CODE: f32 = 30.0;
/// The grey of the hairlines to cut along.
const HAIRLINE: u8 = 200;

/// The words of `tags`.
#[derive(Debug, clap::Subcommand)]
pub enum What {
    /// 打印二维码标签（PDF，A4 每页 21 张） / print the QR labels as PDF, 21 to an A4 page
    Print(Args),
}

/// The words of `tags print`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// 项目编号 / the project's number
    #[arg(long)]
    pub project: i64,
    /// 写到哪个文件 / the file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// 只打印这栋楼 / this building only
    #[arg(long)]
    pub building: Option<String>,
    /// 字体文件；不写则用系统自带的中文字体 / a font file; the system's Chinese font without it
    #[arg(long, value_name = "FILE")]
    pub font: Option<PathBuf>,
    /// 字体在字体集中的序号 / the font's number in its collection
    #[arg(long, default_value_t = 0)]
    pub font_index: u32,
}

/// What stands on one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where the meter is.
    pub place: String,
    /// What it measures, in Chinese.
    pub purpose: &'static str,
    /// The number on its face.
    pub meter_no: String,
    /// The tag.
    pub tag: String,
    /// What the code says.
    pub url: String,
}

/// Prints the labels.
pub async fn run(what: What, site: &Site) -> Done {
    let What::Print(args) = what;
    let face = match &args.font {
        Some(path) => Face::open(path, args.font_index),
        None => Face::find(),
    };
    let face = face.map_err(|error| no_paper(&error))?;
    let project = ProjectId(args.project);
    let labels = labels(site, project, args.building.as_deref()).await?;
    let file = paper::pdf("二维码标签", &face, &sheets(&labels, &face));
    let file = file.map_err(|error| no_paper(&error))?;
    std::fs::write(&args.out, file).map_err(|error| Failure::machine(&error))?;
    let pages = labels.len().div_ceil(ACROSS * DOWN);
    print_json(&json!({ "labels": labels.len(), "pages": pages, "file": args.out }));
    Ok(())
}

fn no_paper(error: &PaperError) -> Failure {
    Failure::new(Exit::Failed, "paper", "无法生成 PDF", "the PDF could not be made")
        .fix(
            "安装 fonts-droid-fallback，或用 --font 指定中文字体",
            "install fonts-droid-fallback, or name a font with --font",
        )
        .detail(error)
}

/// The labels of a project by building, floor and room; meters that have no tag yet get one.
async fn labels(
    site: &Site,
    project: ProjectId,
    building: Option<&str>,
) -> Result<Vec<Label>, Failure> {
    let db = site.store.read();
    let known = store::site::project(db, project).await?;
    let known =
        known.ok_or_else(|| Failure::not_found("项目", "project", &project.0.to_string()))?;
    let rooms = account::rooms(db, project).await?;
    let order: HashMap<Uuid, usize> =
        rooms.iter().enumerate().map(|(number, room)| (room.id, number)).collect();
    let mut meters = meter::list(db, project).await?;
    meters.retain(|meter| {
        let room = meter.room_id.and_then(|room| order.get(&room)).map(|at| &rooms[*at]);
        meter.state != "removed" && building.is_none_or(|b| room.is_some_and(|r| r.building == b))
    });
    meters.sort_by_key(|meter| {
        let place = meter.room_id.and_then(|room| order.get(&room)).copied();
        (place.unwrap_or(usize::MAX), meter.purpose.clone(), meter.meter_no.clone())
    });
    let mut made = Vec::with_capacity(meters.len());
    for meter in meters {
        let room = meter.room_id.and_then(|room| order.get(&room)).map(|at| &rooms[*at]);
        let tag = tag_of(site, &meter).await?;
        made.push(label(&known.name, room, &meter, &tag, &site.config.server.public_url));
    }
    Ok(made)
}

async fn tag_of(site: &Site, meter: &Meter) -> Result<String, Failure> {
    let (project, id) = (meter.project(), meter.meter_id());
    if let Some(known) = meter_tag::of_meter(site.store.read(), project, id).await? {
        return Ok(known.tag);
    }
    let (rng, now) = (site.rng.clone(), site.clock.now());
    let drawn = site.store.transact(move |tx| {
        let rng = rng.clone();
        Box::pin(async move { meter_tag::ensure(tx, project, id, rng.as_ref(), now).await })
    });
    Ok(drawn.await?.tag)
}

fn label(project: &str, room: Option<&Room>, meter: &Meter, tag: &str, site: &str) -> Label {
    let place = match room {
        Some(room) => format!("{project} {} {}", room.building, room.number),
        None => project.to_owned(),
    };
    Label {
        place,
        purpose: match meter.purpose.as_str() {
            "water" => "水表",
            "gas" => "燃气表",
            _ => "电表",
        },
        meter_no: grouped(&meter.meter_no),
        tag: grouped(tag),
        url: format!("{}/t/{tag}", site.trim_end_matches('/')),
    }
}

/// In groups of four, as people read numbers out.
fn grouped(number: &str) -> String {
    let characters: Vec<char> = number.chars().collect();
    let groups = characters.chunks(4).map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join(" ")
}

fn sheets(labels: &[Label], face: &Face) -> Vec<Page> {
    labels
        .chunks(ACROSS * DOWN)
        .map(|sheet| {
            let mut page = Page::new();
            for (number, label) in sheet.iter().enumerate() {
                let left = MARGIN.0 + (number % ACROSS) as f32 * (LABEL.0 + GUTTER);
                let top = MARGIN.1 + (number / ACROSS) as f32 * LABEL.1;
                draw(&mut page, (left, top), label, face);
            }
            page
        })
        .collect()
}

fn draw(page: &mut Page, (left, top): (f32, f32), label: &Label, face: &Face) {
    let (right, bottom) = (left + LABEL.0, top + LABEL.1);
    for (from, to) in [
        ((left, top), (right, top)),
        ((left, bottom), (right, bottom)),
        ((left, top), (left, bottom)),
        ((right, top), (right, bottom)),
    ] {
        page.line(from, to, 0.25, HAIRLINE);
    }
    page.code((left + 1.0, top + 4.0), CODE, &label.url);
    let text = left + CODE + 2.0;
    let room_mm = right - text - 1.5;
    let fits = |what: &str, points: f32| face.cut(what, points, room_mm * 72.0 / 25.4);
    page.text((text, top + 8.0), 9.0, &fits(&label.place, 9.0), Align::Left)
        .text((text, top + 14.0), 11.0, &format!("{} 扫码充值", label.purpose), Align::Left)
        .grey_text((text, top + 18.5), 7.0, "Scan to top up", Align::Left, 90)
        .grey_text((text, top + 25.0), 7.0, &fits(&label.meter_no, 7.0), Align::Left, 60)
        .grey_text((text, top + 30.0), 8.0, &label.tag, Align::Left, 0)
        .grey_text((text, top + 34.0), 6.0, "微信 支付宝 浏览器", Align::Left, 90);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(number: usize) -> Label {
        Label {
            place: format!("和园公寓 3栋 {}", 1204 + number),
            purpose: "电表",
            meter_no: "0000 3022 0101".to_owned(),
            tag: "K7M2 PQ4R T9WX".to_owned(),
            url: "https://yufu.example/t/K7M2PQ4RT9WX".to_owned(),
        }
    }

    #[test]
    fn labels_fill_pages_of_twenty_one_and_stay_within_the_paper() {
        let face = Face::find().unwrap();
        for (count, pages) in [(0, 0), (1, 1), (21, 1), (22, 2), (120, 6)] {
            let labels: Vec<_> = (0..count).map(sample).collect();
            assert_eq!(sheets(&labels, &face).len(), pages, "{count}");
        }
        let width = MARGIN.0 + ACROSS as f32 * LABEL.0 + (ACROSS - 1) as f32 * GUTTER;
        let height = MARGIN.1 + DOWN as f32 * LABEL.1;
        assert!(width <= paper::A4.0 && height <= paper::A4.1, "{width} {height}");
        let page = sheets(&[sample(0)], &face);
        assert!(paper::pdf("x", &face, &page).unwrap().starts_with(b"%PDF-"));
    }

    #[test]
    fn numbers_are_printed_in_groups_of_four() {
        let table = [("K7M2PQ4RT9WX", "K7M2 PQ4R T9WX"), ("12345", "1234 5"), ("", "")];
        for (number, want) in table {
            assert_eq!(grouped(number), want);
        }
    }
}
