//! Who was told what, and what comes next.

postroom_language::texts! {
    /// Who was told what, and what comes next.
    Reminder
    title = "Reminders" / "Erinnerungen";
    lead = "Whoever can act is told a month, a week and a day before something ends, and again once it has ended, until it is solved."
        / "Wer handeln kann, wird einen Monat, eine Woche und einen Tag vor einem Ende erinnert, und danach wieder, bis es behoben ist.";

    sent = "What was sent" / "Was gesendet wurde";
    sent_none = "Nobody was told anything yet." / "Noch hat niemand etwas gehört.";
    sent_none_here = "There is nothing more." / "Mehr gibt es nicht.";
    pages = "Pages of what was sent" / "Seiten dessen, was gesendet wurde";
    when = "When" / "Wann";
    to = "To" / "An";
    to_events = "Machines, by an EventBridge event" / "Maschinen, als EventBridge-Ereignis";
    about = "About" / "Worüber";
    stage = "Stage" / "Stufe";
    ends = "Ends" / "Ende";
    not_sent = "Not sent: the address takes no mail" / "Nicht gesendet: Die Adresse nimmt keine Mail an";

    next = "What comes next" / "Was als Nächstes kommt";
    next_lead = "The first {n} at most, in the time zone {zone}. Where somebody acts before, nothing is sent."
        / "Höchstens die ersten {n}, in der Zeitzone {zone}. Handelt vorher jemand, wird nichts gesendet.";
    next_none = "Nothing that is known will have to be told." / "Nichts Bekanntes wird zu melden sein.";
    next_run = "in the next run, within the hour" / "beim nächsten Lauf, binnen einer Stunde";

    blocked = "Addresses that take no mail" / "Adressen, die keine Mail annehmen";
    blocked_lead = "What is sent to them reaches nobody. If an address is wrong, correct the owner in the manifest and run “postroom apply”: then it leaves this list. If it is right and takes mail again, take it off SES's suppression list, where bounces and complaints put it:"
        / "Was an sie gesendet wird, erreicht niemanden. Ist eine Adresse falsch, berichtigen Sie den Eigentümer im Manifest und führen Sie „postroom apply“ aus: Dann verlässt sie diese Liste. Ist sie richtig und nimmt wieder Mail an, nehmen Sie sie von der Sperrliste von SES, auf die Rückläufer und Beschwerden sie setzen:";
    blocked_none = "None: all mail was taken." / "Keine: Alle Mail wurde angenommen.";
    blocked_then = "The next mail that arrives there takes it off this list." / "Die nächste Mail, die dort ankommt, nimmt sie von dieser Liste.";
    blocked_more = "There are more: “postroom reminders” lists them all." / "Es gibt weitere: „postroom reminders“ nennt sie alle.";
    address = "Address" / "Adresse";
    because = "Reason" / "Grund";
    since = "Since" / "Seit";
    invalid = "It is not an address that mail can be sent to" / "Das ist keine Adresse, an die Mail gesendet werden kann";
    refused = "SES does not send to it" / "SES sendet nicht an sie";
    bounced = "Mail came back for good" / "Mail kam endgültig zurück";
    returned = "Mail came back for now, as from a full mailbox" / "Mail kam vorerst zurück, wie bei einem vollen Postfach";
    complained = "Its owner reported mail as unwanted" / "Dort wurde Mail als unerwünscht gemeldet";
    takes_no_mail = "Takes no mail since {date}. {because}." / "Nimmt seit dem {date} keine Mail an. {because}.";

    month = "A month before" / "Einen Monat vorher";
    week = "A week before" / "Eine Woche vorher";
    day = "A day before" / "Einen Tag vorher";
    overdue = "Overdue" / "Überfällig";
    overdue_again = "Overdue (repeat {n})" / "Überfällig ({n}. Wiederholung)";
    at_once = "At once" / "Sofort";
    goes_on = "It goes on (repeat {n})" / "Es dauert an ({n}. Wiederholung)";
    since_date = "Since {date}" / "Seit {date}";

    account = "Authorization of {id}" / "Autorisierung von {id}";
    provider = "Client secret or certificate of {id}" / "Client secret oder Zertifikat von {id}";
    password = "Password of {id}" / "Passwort von {id}";
    incident = "App registration {id} is refused" / "App-Registrierung {id} wird abgelehnt";
    mailbox = "Mailbox {id} fails" / "Postfach {id} schlägt fehl";
    blocked_subject = "{id} takes no mail" / "{id} nimmt keine Mail an";
    schedule = "Mail is fetched late" / "Mail wird verspätet abgerufen";

    of_account = "Reminders" / "Erinnerungen";
    of_account_none = "Nobody was told anything about this account yet." / "Zu diesem Konto hat noch niemand etwas gehört.";
    of_account_next = "Next: “{stage}”, {when}." / "Als Nächstes: „{stage}“, {when}.";
    of_account_no_next = "As things are, nothing is going to be told." / "Nach heutigem Stand wird nichts gemeldet.";
    all = "All reminders" / "Alle Erinnerungen";
}
