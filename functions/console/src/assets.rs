//! Style sheet, logo and script, each under a name that changes with its content, so that browsers
//! may keep it for a year.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// One year: the longest that caches honour.
const CACHE: &str = "public, max-age=31536000, immutable";

/// A file that pages refer to.
struct Asset {
    /// `/assets/{name}-{hash}.{extension}`.
    path: String,
    content_type: &'static str,
    content: &'static str,
}

impl Asset {
    fn new(name: &str, extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let digest = Sha256::digest(content);
        let hash: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{name}-{hash}.{extension}"), content_type, content }
    }
}

static STYLESHEET: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("style", "css", "text/css; charset=utf-8", include_str!("../assets/style.css"))
});
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("postroom", "svg", "image/svg+xml", include_str!("../assets/postroom.svg")));
static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("comfort", "js", "text/javascript; charset=utf-8", include_str!("../assets/comfort.js"))
});

/// The path of the style sheet.
pub(crate) fn stylesheet() -> &'static str {
    &STYLESHEET.path
}

/// The path of the logo, which is the favicon too.
pub(crate) fn icon() -> &'static str {
    &ICON.path
}

/// The path of the script that adds comfort; every page works without it.
pub(crate) fn script() -> &'static str {
    &SCRIPT.path
}

/// `GET /assets/{file}`: anybody may have them.
pub(crate) async fn asset(Path(file): Path<String>) -> Response {
    let known = [&STYLESHEET, &ICON, &SCRIPT];
    let found = known.into_iter().find(|asset| asset.path.strip_prefix("/assets/") == Some(file.as_str()));
    match found {
        Some(asset) => {
            let headers = [(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, CACHE)];
            (headers, asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands on what, and the least contrast between them (WCAG 2.2, success criteria 1.4.3 for
    /// text and 1.4.11 for the edges of controls).
    const PAIRS: [(&str, &[&str], f64); 9] = [
        ("ink", &["paper", "card", "tint", "ok-tint", "warn-tint", "bad-tint"], 4.5),
        ("quiet", &["paper", "card"], 4.5),
        ("accent", &["paper", "card", "tint", "ok-tint", "warn-tint", "bad-tint"], 4.5),
        ("on-accent", &["accent"], 4.5),
        ("ok", &["paper", "card"], 4.5),
        ("warn", &["paper", "card"], 4.5),
        ("bad", &["paper", "card"], 4.5),
        ("edge", &["paper", "card"], 3.0),
        ("bad", &["bad-tint"], 3.0),
    ];

    #[test]
    fn every_text_can_be_read_in_light_and_dark() {
        let (light, dark) = STYLESHEET.content.split_once("prefers-color-scheme: dark").expect("both");
        for (scheme, style) in [("light", light), ("dark", dark)] {
            for (front, backs, least) in PAIRS {
                for back in backs {
                    let contrast = contrast(luminance(style, front), luminance(style, back));
                    assert!(contrast >= least, "{scheme}: {front} on {back} is {contrast:.2}, not {least}");
                }
            }
        }
    }

    fn contrast(one: f64, other: f64) -> f64 {
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// The relative luminance of a colour of the style sheet
    /// (<https://www.w3.org/TR/WCAG22/#dfn-relative-luminance>).
    fn luminance(style: &str, name: &str) -> f64 {
        let (_, rest) = style.split_once(&format!("--{name}: #")).expect("a colour");
        let channel = |at: usize| {
            let value = u8::from_str_radix(&rest[at..at + 2], 16).expect("a hexadecimal colour");
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    }

    #[test]
    fn names_change_with_contents() {
        let asset = |content| Asset::new("a", "css", "text/css", content).path;
        assert_eq!(asset("one"), asset("one"));
        assert_ne!(asset("one"), asset("two"));
    }
}
