//! `yufu order`: the money story of one top-up on one page.

use clap::Subcommand;

use super::{Done, Failure, Site, print_json, say, story};

/// The sub-commands.
#[derive(Debug, Subcommand)]
pub enum What {
    /// 打印订单的完整时间线 / print the whole timeline: payment, books, delivery, frames, relay
    Show {
        /// 订单号 / order number, as in YF2611200123456789
        no: String,
        /// 输出 JSON / print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Shows an order.
pub async fn run(what: What, site: &Site) -> Done {
    let What::Show { no, json } = what;
    // People read order numbers in groups of four.
    let no: String = no.chars().filter(|c| !c.is_whitespace()).collect();
    let order = store::order::by_no(site.store.read(), &no).await?;
    let order = order.ok_or_else(|| Failure::not_found("订单", "order", &no))?;
    let story = story::of(&site.store, &site.profiles()?, &order).await?;
    if json {
        print_json(&story.to_json());
    } else {
        say(story);
    }
    Ok(())
}
