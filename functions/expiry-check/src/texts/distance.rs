//! How far off something is.

postroom_language::texts! {
    /// How far off something is.
    Distance
    ahead = "in {span}" / "in {span}";
    ago = "{span} ago" / "vor {span}";
    just_now = "just now" / "gerade eben";
    at_once = "now" / "jetzt";
    today = "today" / "heute";
    // After "in" and "vor", German spans stand in the dative.
    minute = "1 minute" / "1 Minute";
    minutes = "{n} minutes" / "{n} Minuten";
    hour = "1 hour" / "1 Stunde";
    hours = "{n} hours" / "{n} Stunden";
    day = "1 day" / "1 Tag";
    days = "{n} days" / "{n} Tagen";
    week = "a week" / "einer Woche";
    months = "{n} months" / "{n} Monaten";
}
