//! Where a visitor comes back to after a provider's sign-in page: one of our own pages, never
//! another's (open redirects).

/// The page that is shown when none is asked for.
const WELCOME: &str = "/m/#/pages/welcome/welcome";
/// Pages lie behind this.
const PAGES: &str = "/m/#/";
/// The longest wish that is looked at, in bytes.
const WISH_MAX: usize = 256;
/// The longest tag.
const TAG_MAX: usize = 32;

/// A page of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page(String);

impl Default for Page {
    fn default() -> Self {
        Page(WELCOME.to_owned())
    }
}

impl Page {
    /// Reads a wish: nothing or `/m/` for the first page, `/t/TAG` for that of a meter's QR, or
    /// `/m/#/pages/…` with letters, digits, `-` and `_` as values.
    ///
    /// Invariant: what is not put together of these plain signs is refused, so that no wish leads
    /// away from our host; proved by `a_visitor_comes_back_to_our_own_pages_only`.
    pub fn read(wish: &str) -> Option<Page> {
        if wish.len() > WISH_MAX {
            return None;
        }
        if matches!(wish, "" | "/m" | "/m/") {
            return Some(Page::default());
        }
        if let Some(tag) = wish.strip_prefix("/t/") {
            let is_tag = (1..=TAG_MAX).contains(&tag.len()) && tag.bytes().all(is_plain);
            return is_tag.then(|| Page::default().with("tag", tag));
        }
        let (path, query) = match wish.strip_prefix(PAGES)?.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (wish.strip_prefix(PAGES)?, None),
        };
        let is_path = !path.is_empty()
            && !path.starts_with('/')
            && !path.contains("//")
            && path.bytes().all(|byte| is_plain(byte) || byte == b'/');
        let is_query = query.is_none_or(|query| {
            query.bytes().all(|byte| is_plain(byte) || matches!(byte, b'=' | b'&'))
        });
        (is_path && is_query).then(|| Page(wish.to_owned()))
    }

    /// The page with one more value, which is of plain signs.
    pub fn with(&self, name: &str, value: &str) -> Page {
        let joint = if self.0.contains('?') { '&' } else { '?' };
        Page(format!("{}{joint}{name}={value}", self.0))
    }

    /// The address on our host.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_comes_back_to_our_own_pages_only() {
        let table = [
            ("", Some("/m/#/pages/welcome/welcome")),
            ("/m/", Some("/m/#/pages/welcome/welcome")),
            ("/t/7QK2MZ9XW4RT", Some("/m/#/pages/welcome/welcome?tag=7QK2MZ9XW4RT")),
            ("/m/#/pages/order/order?id=a-1&x=2", Some("/m/#/pages/order/order?id=a-1&x=2")),
            ("https://evil.example/", None),
            ("//evil.example/", None),
            ("/\\evil.example", None),
            ("/m/#//evil.example", None),
            ("/m/#/pages//x", None),
            ("/m/../admin", None),
            ("/t/../../admin", None),
            ("/t/", None),
            ("/t/a?b=c", None),
            ("/m/#/pages/x?next=https://evil.example", None),
            ("/m/#/pages/x?a=%2f%2fevil", None),
            ("/m/#/pages/x\r\nset-cookie: a=b", None),
            ("/m/?x=1#/pages/x", None),
            ("/admin/", None),
            ("javascript:alert(1)", None),
            ("/m/#/", None),
        ];
        for (wish, want) in table {
            let page = Page::read(wish);
            assert_eq!(page.as_ref().map(Page::as_str), want, "{wish:?}");
        }
        assert_eq!(Page::read(&format!("/m/#/pages/{}", "x".repeat(300))), None);
    }

    #[test]
    fn a_value_is_added_to_those_that_stand() {
        let page = Page::read("/m/#/pages/order/order?id=1").unwrap();
        assert_eq!(page.with("ticket", "t").as_str(), "/m/#/pages/order/order?id=1&ticket=t");
        let page = Page::default().with("ticket", "t");
        assert_eq!(page.as_str(), "/m/#/pages/welcome/welcome?ticket=t");
    }
}
