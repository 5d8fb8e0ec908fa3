//! What every mail says, whatever it is about.

postroom_language::texts! {
    /// What every mail says, whatever it is about.
    Letter
    greeting = "Hello," / "Guten Tag,";
    intro_owner = "Postroom fetches mail for you, and one thing needs you:"
        / "Postroom ruft Mail für Sie ab und braucht dabei Ihre Hilfe:";
    intro_owner_many = "Postroom fetches mail for you, and {n} things need you. The most urgent comes first."
        / "Postroom ruft Mail für Sie ab und braucht bei {n} Dingen Ihre Hilfe. Das Dringendste steht oben.";
    intro_operator = "One thing about this Postroom needs you:" / "Dieses Postroom braucht Ihre Hilfe:";
    intro_operator_many = "{n} things about this Postroom need you. The most urgent comes first."
        / "Dieses Postroom braucht bei {n} Dingen Ihre Hilfe. Das Dringendste steht oben.";

    subject_many_by = "{n} things need you, the first by {date}" / "{n} Dinge brauchen Ihre Hilfe, das erste bis zum {date}";
    subject_many_since = "{n} things need you, the first since {date}"
        / "{n} Dinge brauchen Ihre Hilfe, das erste seit dem {date}";

    ends = "Ends" / "Endet";
    ended = "Ended" / "Endete";
    due = "Due" / "Fällig";
    since = "Since" / "Seit";
    when = "{moment}, {distance}" / "{moment}, {distance}";
    why = "Why" / "Warum";
    otherwise = "If nothing is done" / "Wenn nichts geschieht";
    meanwhile = "Meanwhile" / "Bis dahin";
    to_do = "What to do" / "Was zu tun ist";
    mailboxes = "Mailboxes" / "Postfächer";
    more = "and {n} more" / "und {n} weitere";
    rest = "And {n} more" / "Und {n} weitere";
    in_brief = "In brief" / "Kurz gefasst";
    others = "{n} of other people" / "{n} von anderen";

    why_owner = "You get this because an account named above, or a mailbox, is registered in your name."
        / "Sie erhalten das, weil Sie für ein oben genanntes Konto oder Postfach als Eigentümer eingetragen sind.";
    why_fallback = "You get this because nobody is registered as the owner of something named above."
        / "Sie erhalten das, weil für etwas oben Genanntes keine Eigentümer eingetragen sind.";
    why_instead = "You get this because mail to those who should hear of something named above does not arrive."
        / "Sie erhalten das, weil die Mail an diejenigen, die etwas oben Genanntes betrifft, nicht ankommt.";
    why_operator = "You get this because you are registered as an operator of this Postroom ({stack})."
        / "Sie erhalten das, weil Sie als Betreiber dieses Postroom ({stack}) eingetragen sind.";
    questions = "Any questions? Just reply: your answer reaches the people who run this Postroom."
        / "Haben Sie Fragen? Antworten Sie einfach: Ihre Antwort erreicht die Betreiber dieses Postroom.";
}
