//! The page a set-up link opens: one form, served until the console brings its own.

use actix_web::{
    HttpResponse,
    http::header,
    web::{self, ServiceConfig},
};

const PAGE: &str = include_str!("setup_page/setup.html");
const STYLE: &str = include_str!("setup_page/setup.css");
const SCRIPT: &str = include_str!("setup_page/setup.js");

/// Serves the page and its two files.
pub fn configure(config: &mut ServiceConfig) {
    let files = [
        ("/console/setup", "text/html; charset=utf-8", PAGE),
        ("/console/setup.css", "text/css; charset=utf-8", STYLE),
        ("/console/setup.js", "text/javascript; charset=utf-8", SCRIPT),
    ];
    for (path, kind, text) in files {
        let answer = move || async move {
            HttpResponse::Ok()
                .content_type(kind)
                .insert_header((header::CACHE_CONTROL, "no-cache"))
                .body(text)
        };
        config.service(web::resource(path).route(web::get().to(answer)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_nothing_inline_and_nothing_from_elsewhere() {
        for text in [PAGE, STYLE, SCRIPT] {
            assert!(!text.contains("http://") && !text.contains("https://"));
        }
        assert!(
            !PAGE.contains("<style") && !PAGE.contains("onclick") && !PAGE.contains("<script>")
        );
        assert!(SCRIPT.contains(super::super::route::PREFIX));
    }
}
