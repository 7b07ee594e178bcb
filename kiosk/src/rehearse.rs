//! A terminal without a server: home, the ways to look up, the pad. It takes no money and knows no
//! meter; it is there to try a panel, and for the tests of the window.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Datelike, FixedOffset, Utc};
use kiosk_wire::{content::HomeContent, text::Text};
use terminal::{
    engine::Beat,
    intent::{Errand, Intent, Way},
    view::{Can, Day, Head, Mode, Screen, View},
};

use crate::core::Core;

/// The site's time zone, in seconds east.
const SITE_EAST_S: i32 = 8 * 3_600;

/// Where the rehearsal stands.
struct Stage {
    seq: u64,
    mode: Mode,
    screen: Screen,
}

/// The terminal of a rehearsal.
pub struct Rehearsal {
    stage: Mutex<Stage>,
    now: fn() -> DateTime<Utc>,
}

impl Rehearsal {
    /// A new one at its home screen, told the time by `now`.
    pub fn new(now: fn() -> DateTime<Utc>) -> Rehearsal {
        let mode = Mode { language: "zh".into(), ..Mode::default() };
        let stage = Stage { seq: 1, mode, screen: Screen::Boot };
        Rehearsal { stage: Mutex::new(stage), now }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self, stage: &Stage) -> View {
        let session = !matches!(stage.screen, Screen::Home { .. } | Screen::Boot);
        View {
            seq: stage.seq,
            now: (self.now)(),
            head: Head {
                company: Text::new("终端试运行", "Kiosk rehearsal"),
                printer: "none".into(),
                number: "K-00".into(),
                hours: Text::new("试运行", "rehearsal"),
                demo: true,
                ..Head::default()
            },
            mode: stage.mode.clone(),
            screen: stage.screen.clone(),
            countdown: None,
            can: Can { back: session, quit: session },
        }
    }

    fn home(&self) -> Screen {
        let site = FixedOffset::east_opt(SITE_EAST_S);
        let today = site.map_or_else(Day::default, |site| {
            let date = (self.now)().with_timezone(&site).date_naive();
            let weekday = u8::try_from(date.weekday().number_from_monday()).unwrap_or(1);
            Day { date: date.to_string(), weekday, ..Day::default() }
        });
        let content = HomeContent {
            version: 1,
            notice: Some(Text::new("终端试运行", "Kiosk rehearsal")),
            intro: Text::new("没有连接服务器，不能充值", "No server: nothing can be paid"),
            ..HomeContent::default()
        };
        Screen::Home {
            content: Box::new(content),
            day: today,
            closed: Some(Text::new("试运行，不能充值", "A rehearsal: nothing can be paid")),
            unfinished: None,
            errands: vec![Errand::TopUp, Errand::Balance, Errand::Card, Errand::Receipt],
            pictures: Vec::new(),
        }
    }
}

#[async_trait]
impl Core for Rehearsal {
    fn beat(&self, _: &Beat) -> View {
        let mut stage = self.stage();
        stage.seq += 1;
        if matches!(stage.screen, Screen::Boot) {
            stage.screen = self.home();
        }
        self.view(&stage)
    }

    async fn intent(&self, intent: Intent) -> View {
        let mut stage = self.stage();
        stage.seq += 1;
        match intent {
            Intent::Start { errand } => {
                let ways = vec![Way::Meter, Way::Room, Way::Phone, Way::Card];
                stage.screen = Screen::Identify { errand, ways };
            }
            Intent::LookUpBy { .. } => {
                stage.screen =
                    Screen::Number { what: "meter".into(), max: 12, about: None, wrong: None };
            }
            Intent::Back | Intent::Quit => stage.screen = self.home(),
            Intent::Language { to } => stage.mode.language = to,
            Intent::Elder { on } => stage.mode.elder = on,
            Intent::Low { on } => stage.mode.low = on,
            Intent::Speech { on } => stage.mode.speech = on,
            _ => {}
        }
        self.view(&stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tauri::async_runtime::block_on;

    fn noon() -> DateTime<Utc> {
        DateTime::UNIX_EPOCH
    }

    #[test]
    fn a_rehearsal_never_asks_for_money() {
        let core = Rehearsal::new(noon);
        for intent in [
            Intent::Start { errand: Errand::TopUp },
            Intent::LookUpBy { way: Way::Meter },
            Intent::Typed { text: "002103602268".into() },
            Intent::Amount { fen: 10_000 },
            Intent::Pay { wallet: "wechat".into() },
        ] {
            let view = block_on(core.intent(intent));
            assert!(view.head.demo);
            assert!(!matches!(view.screen, Screen::Pay { .. } | Screen::Amount { .. }));
        }
        let home = block_on(core.intent(Intent::Quit)).screen;
        assert!(matches!(home, Screen::Home { closed: Some(_), .. }));
    }
}
