//! Pages of lists.

use serde::Deserialize;
use utoipa::IntoParams;

use crate::http::{Problem, error::Result};

/// The most rows of a page.
pub const PAGE_SIZE_MAX: usize = 200;
/// The rows of a page when none are asked for.
const PAGE_SIZE: usize = 20;
/// The last page there is.
const PAGE_MAX: usize = 100_000;

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
pub struct Paging {
    /// 1 is the first.
    #[param(minimum = 1, example = 1)]
    pub page: Option<usize>,
    /// At most 200; 20 when not said.
    #[param(minimum = 1, maximum = 200, example = 20)]
    pub page_size: Option<usize>,
}

impl Paging {
    /// Page and size, within their bounds.
    pub fn bounds(self) -> Result<(usize, usize)> {
        let (page, size) = (self.page.unwrap_or(1), self.page_size.unwrap_or(PAGE_SIZE));
        if !(1..=PAGE_MAX).contains(&page) {
            return Err(Problem::malformed("page"));
        }
        if !(1..=PAGE_SIZE_MAX).contains(&size) {
            return Err(Problem::malformed("page_size"));
        }
        Ok((page, size))
    }
}

/// The rows of one page.
pub fn cut<T>(rows: Vec<T>, page: usize, size: usize) -> Vec<T> {
    rows.into_iter().skip((page - 1).saturating_mul(size)).take(size).collect()
}

/// A page of some view; each is a type of its own, so that the API's description names it.
macro_rules! page_of {
    ($(#[$doc:meta])* $name:ident, $view:ty) => {
        $(#[$doc])*
        #[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
        pub struct $name {
            /// The rows of this page.
            pub items: Vec<$view>,
            /// How many rows there are on all pages.
            pub total: usize,
            /// The page, from 1.
            pub page: usize,
            /// The most rows of a page.
            pub page_size: usize,
        }
    };
}
pub(crate) use page_of;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_start_at_one_and_have_a_bound() {
        let table = [
            (None, None, Some((1, 20))),
            (Some(3), Some(200), Some((3, 200))),
            (Some(0), None, None),
            (None, Some(0), None),
            (None, Some(201), None),
            (Some(100_001), None, None),
        ];
        for (page, page_size, want) in table {
            let bounds = Paging { page, page_size }.bounds();
            assert_eq!(bounds.ok(), want, "{page:?} {page_size:?}");
        }
        assert_eq!(cut(vec![1, 2, 3, 4, 5], 2, 2), [3, 4]);
        assert!(cut(vec![1], 100_000, 200).is_empty());
    }
}
