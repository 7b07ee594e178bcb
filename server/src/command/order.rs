//! `yufu order`: the money story of one top-up on one page.

use clap::Subcommand;
use store::order::Order;

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
    /// 重新向微信上传发货信息 / tell WeChat again of a delivery it was not told of
    ShipAgain {
        /// 订单号 / order number
        no: String,
    },
}

/// Shows an order, or has its delivery told again.
pub async fn run(what: What, site: &Site) -> Done {
    match what {
        What::Show { no, json } => show(site, &find(site, &no).await?, json).await,
        What::ShipAgain { no } => ship_again(site, &find(site, &no).await?).await,
    }
}

async fn find(site: &Site, no: &str) -> Result<Order, Failure> {
    // People read order numbers in groups of four.
    let no: String = no.chars().filter(|c| !c.is_whitespace()).collect();
    let order = store::order::by_no(site.store.read(), &no).await?;
    order.ok_or_else(|| Failure::not_found("订单", "order", &no))
}

async fn ship_again(site: &Site, order: &Order) -> Done {
    let project = order.project();
    let begun = site.begun("shipping.again", format!("order:{}", order.id), Some(project));
    let house = site.quiet_house()?;
    let noted = async { Ok(house.ship_again(project, order.order_id()).await?) };
    site.logged(begun, noted).await?;
    println!("已登记，运行中的服务会接手 / noted; the running server takes it up");
    Ok(())
}

async fn show(site: &Site, order: &Order, json: bool) -> Done {
    let story = story::of(&site.store, &site.profiles()?, order).await?;
    if json {
        print_json(&story.to_json());
    } else {
        say(story);
    }
    Ok(())
}
