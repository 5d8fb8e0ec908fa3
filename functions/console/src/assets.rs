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
