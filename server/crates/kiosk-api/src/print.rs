//! Prints: the server counts a copy before it is on paper, so that the count is never behind.

use domain::OrderId;
use kiosk_wire::receipt::{Print, PrintOutcome, PrintReport, PrintRequest};
use serde_json::json;
use store::{
    StoreError,
    kiosk::sale::{self, Asked},
    order::Order,
    timeline,
};
use uuid::Uuid;
use vending::Refusal;

use crate::{
    call::{Answer, Call, Need, Route},
    desk::Desk,
    failure::{Failure, Result},
    order::of_project,
    receipt,
};

/// Prints of one kiosk in ten minutes.
const PRINTS_MAX: i64 = 120;
/// How often a print is counted again whose number was taken.
const RACES_MAX: usize = 5;
/// More paper than that for one receipt is no answer of a printer.
const PAPER_MM_MAX: u32 = 5_000;

/// The routes.
pub const ROUTES: &[Route] = &[
    Route::post("/orders/{order}/prints", |call| Box::pin(ask(call))).needs(Need::Sold),
    Route::post("/prints/{print}/outcome", |call| Box::pin(outcome(call))).needs(Need::Sold),
];

async fn ask(call: Call) -> Result<Answer> {
    let wish: PrintRequest = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let order = of_project(desk, caller, call.id("order")?).await?;
    let state = order.state()?;
    if !state.is_paid() {
        return Err(Failure::Refused(Refusal::WrongState { state }));
    }
    desk.spend(&[desk.budget("print", caller.kiosk.id, 10, PRINTS_MAX)]).await?;
    let row = sale::Print {
        project_id: order.project_id,
        id: wish.print_id,
        order_id: order.id,
        kiosk_id: caller.kiosk.id,
        automatic: wish.automatic,
        copy_no: 0,
        state: "sent".to_owned(),
        paper_mm: 0,
        requested_at: desk.now(),
        ended_at: None,
    };
    let (print, already) = match asked(desk, &caller.kiosk.number, &order, row).await? {
        Asked::Print(print) => (print, false),
        Asked::Already(print) => (print, true),
        Asked::Refused => return Err(Failure::TooMany { retry_after_s: 86_400 }),
    };
    let copy = u32::try_from(print.copy_no).unwrap_or(u32::MAX);
    let receipt = receipt::of(desk, &caller.kiosk, &order, copy).await?;
    Answer::ok(&Print { print_id: print.id, copy, already, receipt })
}

/// Counts a print with its line on the timeline. Of two that are counted at once one finds the
/// other's number taken, and counts anew.
async fn asked(desk: &Desk, number: &str, order: &Order, row: sale::Print) -> Result<Asked> {
    let mut raced = StoreError::Conflict;
    for _ in 0..RACES_MAX {
        let (number, order, row) = (number.to_owned(), order.clone(), row.clone());
        let asked = desk.store().transact(move |tx| {
            Box::pin(async move {
                let (at, id) = (row.requested_at, row.id);
                let known = sale::prints(tx, order.project(), order.order_id()).await?;
                let asked = sale::ask_print(tx, row).await?;
                if let Asked::Print(print) = &asked
                    && !known.iter().any(|known| known.id == id)
                {
                    let detail = json!({
                        "kiosk": number, "copy": print.copy_no, "automatic": print.automatic,
                    });
                    timeline::add(tx, &order, "kiosk.print", at, detail).await?;
                }
                Ok::<_, StoreError>(asked)
            })
        });
        match asked.await {
            Err(error @ StoreError::Refused(_)) => raced = error,
            done => return Ok(done?),
        }
    }
    Err(raced.into())
}

async fn outcome(call: Call) -> Result<Answer> {
    let report: PrintReport = call.body()?;
    let (desk, caller) = (&call.desk, call.caller()?);
    let state = match report.outcome {
        PrintOutcome::Printed => "printed",
        PrintOutcome::PaperOut => "paper_out",
        PrintOutcome::Failed => "failed",
        PrintOutcome::Unknown => "unknown",
    };
    let key = (caller.project(), caller.kiosk.id, call.id::<Uuid>("print")?);
    let (number, now) = (caller.kiosk.number.clone(), desk.now());
    let paper_mm = i64::from(report.paper_mm.min(PAPER_MM_MAX));
    let noted = desk.store().transact(move |tx| {
        Box::pin(async move {
            let noted = sale::printed(tx, key, state, paper_mm, now).await?;
            let Some((print, first)) = noted else { return Ok(false) };
            if first {
                let detail = json!({ "kiosk": number, "copy": print.copy_no, "outcome": state });
                let order = OrderId(print.order_id);
                timeline::add_by_id(tx, key.0, order, "kiosk.printed", now, detail).await?;
            }
            Ok::<_, StoreError>(true)
        })
    });
    if noted.await? { Answer::none() } else { Err(Failure::NotFound("print")) }
}
