//! What mails say of accounts that a person authorises, and of passwords.

postroom_language::texts! {
    /// What mails say of accounts that a person authorises, and of passwords.
    Account
    subject_by = "Please authorise {name} again by {date}" / "Bitte autorisieren Sie {name} bis zum {date} erneut";
    subject_since = "Please authorise {name} again: due since {date}"
        / "Bitte autorisieren Sie {name} erneut: fällig seit dem {date}";

    will_stop = "From then on no mail is collected from the mailboxes below. It stays at the mail server, and is collected once you have authorised again."
        / "Von da an wird aus den unten genannten Postfächern keine Mail mehr abgeholt. Sie bleibt auf dem Mailserver und wird abgeholt, sobald Sie erneut autorisiert haben.";
    has_stopped = "No mail is collected from the mailboxes below. It stays at the mail server, and is collected once you have authorised again."
        / "Aus den unten genannten Postfächern wird keine Mail abgeholt. Sie bleibt auf dem Mailserver und wird abgeholt, sobald Sie erneut autorisiert haben.";
    goes_on = "Mail goes on being collected." / "Mail wird weiterhin abgeholt.";
    nothing_stops = "Nothing stops: no mailbox uses this account yet."
        / "Vorerst nichts: Noch nutzt kein Postfach dieses Konto.";

    authorise = "Authorise again" / "Erneut autorisieren";
    authorise_as = "Opens your page, where you sign in as {login}. It takes a minute. The link is yours alone and works once, until {until}."
        / "Öffnet Ihre Seite, auf der Sie sich als {login} anmelden. Das dauert eine Minute. Der Link ist nur für Sie und gilt einmal, bis {until}.";
    authorise_usual = "Opens your page, where you sign in as usual. It takes a minute. The link is yours alone and works once, until {until}."
        / "Öffnet Ihre Seite, auf der Sie sich wie gewohnt anmelden. Das dauert eine Minute. Der Link ist nur für Sie und gilt einmal, bis {until}.";
    open = "Open the account" / "Konto öffnen";
    open_account = "Opens the account in the console, where administrators authorise it again. Register an owner, and the next reminder goes there."
        / "Öffnet das Konto in der Konsole, wo die Administration es erneut autorisiert. Tragen Sie einen Besitzer ein, dann geht die nächste Erinnerung dorthin.";
    open_instead = "Opens the account in the console, where administrators authorise it again."
        / "Öffnet das Konto in der Konsole, wo die Administration es erneut autorisiert.";

    password_subject_by = "{name} needs a new password by {date}" / "{name} braucht bis zum {date} ein neues Passwort";
    password_subject_since = "{name} needs a new password: due since {date}"
        / "{name} braucht ein neues Passwort: fällig seit dem {date}";
    password_why = "The mailbox's password ends then. That is the date noted for it when it was set up."
        / "Dann endet das Passwort des Postfachs. So wurde es bei der Einrichtung vermerkt.";
    password_will_stop = "From then on no mail is collected from this mailbox. It stays at the mail server."
        / "Von da an wird aus diesem Postfach keine Mail mehr abgeholt. Sie bleibt auf dem Mailserver.";
    password_has_stopped = "As soon as the mail server refuses the password, no mail is collected. It stays at the mail server."
        / "Sobald der Mailserver das Passwort ablehnt, wird keine Mail mehr abgeholt. Sie bleibt auf dem Mailserver.";
    password_tell = "Change the password at the mail provider, then reply to this mail, so that the new one can be entered. Do not write the password itself into a mail."
        / "Ändern Sie das Passwort beim Mailanbieter, und antworten Sie dann auf diese Mail, damit das neue eingetragen werden kann. Schreiben Sie das Passwort selbst nicht in eine Mail.";
    password_change = "Change the password at the mail provider and enter the new one on the mailbox's page, with the date on which it ends."
        / "Ändern Sie das Passwort beim Mailanbieter, und tragen Sie das neue auf der Seite des Postfachs ein, mit dem Datum, an dem es endet.";
    password_open = "Open the mailbox" / "Postfach öffnen";
}
