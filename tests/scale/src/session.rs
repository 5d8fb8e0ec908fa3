//! An administrator's session, made as the console makes one, so that no sign-in stands before a page.

use axum::response::IntoResponse;
use axum_extra::extract::{
    PrivateCookieJar,
    cookie::{Cookie, Key},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// How long it lasts.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// The value of the header `Cookie` for a console whose secret this is.
pub(crate) fn cookie(secret: &str, now: Timestamp) -> String {
    let until = (now + LIFE).as_second();
    let session = json!({
        "id": "scale", "who": {"administrator": {"key": "scale", "name": "scale"}}, "csrf": "scale",
        "until": until, "ends": until,
    });
    let jar = PrivateCookieJar::new(Key::derive_from(secret.as_bytes()));
    let answer = jar.add(Cookie::new("__Host-postroom", session.to_string())).into_response();
    let cookie = answer.headers()["set-cookie"].to_str().expect("a text").to_owned();
    cookie.split(';').next().expect("a name and a value").to_owned()
}
