//! Dates and spans in words.

texts! {
    /// Dates and spans in words.
    Calendar
    months = "January February March April May June July August September October November December"
        / "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";
    months_short = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
        / "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez";
    date = "{day} {month} {year}" / "{day}. {month} {year}";
    moment = "{date}, {time} UTC" / "{date}, {time} UTC";
    ahead = "in {span}" / "in {span}";
    ago = "{span} ago" / "vor {span}";
    just_now = "just now" / "gerade eben";
    at_once = "now" / "jetzt";
    // After "in" and "vor", German spans stand in the dative.
    minute = "1 minute" / "1 Minute";
    minutes = "{n} minutes" / "{n} Minuten";
    hour = "1 hour" / "1 Stunde";
    hours = "{n} hours" / "{n} Stunden";
    day = "1 day" / "1 Tag";
    days = "{n} days" / "{n} Tagen";
    months_long = "{n} months" / "{n} Monaten";
    thousands = "," / ".";
    every_minute = "Every minute" / "Jede Minute";
    every_minutes = "Every {n} minutes" / "Alle {n} Minuten";
    every_hour = "Every hour" / "Jede Stunde";
    every_hours = "Every {n} hours" / "Alle {n} Stunden";
    every_day = "Once a day" / "Einmal am Tag";
}
