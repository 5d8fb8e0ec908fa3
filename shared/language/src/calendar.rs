//! The words of dates, spans and intervals.

crate::texts! {
    /// The words of dates, spans and intervals.
    Calendar
    months = "January February March April May June July August September October November December"
        / "Januar Februar März April Mai Juni Juli August September Oktober November Dezember";
    months_short = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
        / "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez";
    weekdays = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
        / "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag";
    date = "{day} {month} {year}" / "{day}. {month} {year}";
    on_weekday = "{weekday}, {date}" / "{weekday}, {date}";
    moment = "{date}, {time} {zone}" / "{date}, {time} {zone}";
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
    // How often an authorization is given anew.
    period_day = "every day" / "jeden Tag";
    period_days = "every {n} days" / "alle {n} Tage";
    period_week = "every week" / "jede Woche";
    period_weeks = "every {n} weeks" / "alle {n} Wochen";
    period_month = "every month" / "jeden Monat";
    period_months = "every {n} months" / "alle {n} Monate";
    period_year = "every year" / "jedes Jahr";
    period_years = "every {n} years" / "alle {n} Jahre";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_complete() {
        assert_eq!(crate::mistakes(Calendar::ALL), [""; 0]);
    }
}
