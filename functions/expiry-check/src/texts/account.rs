//! What mails say of accounts that a person authorises, and of passwords.

postroom_language::texts! {
    /// What mails say of accounts that a person authorises, and of passwords.
    Account
    subject_by = "Please authorise {name} again by {date}" / "Bitte autorisieren Sie {name} bis zum {date} erneut";
    subject_since = "Please authorise {name} again: due since {date}"
        / "Bitte autorisieren Sie {name} erneut: fällig seit dem {date}";
    subject_first = "Please authorise {name}" / "Bitte autorisieren Sie {name}";

    will_stop = "From then on no mail is fetched from the mailboxes below. It stays on the mail server, and is fetched once you have authorised again."
        / "Von da an wird aus den unten genannten Postfächern keine Mail mehr abgerufen. Sie bleibt auf dem Mailserver und wird abgerufen, sobald Sie erneut autorisiert haben.";
    stops = "As soon as the sign-in service refuses it, no more mail is fetched from the mailboxes below. It stays on the mail server, and is fetched once you have authorised again."
        / "Sobald der Anmeldedienst sie ablehnt, wird aus den unten genannten Postfächern keine Mail mehr abgerufen. Sie bleibt auf dem Mailserver und wird abgerufen, sobald Sie erneut autorisiert haben.";
    has_stopped = "No mail is fetched from the mailboxes below. It stays on the mail server, and is fetched once you have authorised again."
        / "Aus den unten genannten Postfächern wird keine Mail abgerufen. Sie bleibt auf dem Mailserver und wird abgerufen, sobald Sie erneut autorisiert haben.";
    waits = "No mail is fetched from the mailboxes below. It stays on the mail server, and is fetched once you have authorised the account."
        / "Aus den unten genannten Postfächern wird keine Mail abgerufen. Sie bleibt auf dem Mailserver und wird abgerufen, sobald Sie das Konto autorisiert haben.";
    goes_on = "Mail goes on being fetched." / "Mail wird weiter abgerufen.";
    nothing_stops = "Nothing stops: no mailbox uses this account yet."
        / "Vorerst nichts: Noch nutzt kein Postfach dieses Konto.";

    authorise = "Authorise" / "Autorisieren";
    reauthorise = "Authorise again" / "Erneut autorisieren";
    authorise_as = "Opens {host}; then your own sign-in service opens, where you sign in as {login}. It takes a minute. Postroom never asks for your password."
        / "Öffnet {host}; dann öffnet sich Ihr eigener Anmeldedienst, bei dem Sie sich als {login} anmelden. Das dauert eine Minute. Postroom fragt nie nach Ihrem Passwort.";
    authorise_usual = "Opens {host}; then your own sign-in service opens, where you sign in as usual. It takes a minute. Postroom never asks for your password."
        / "Öffnet {host}; dann öffnet sich Ihr eigener Anmeldedienst, bei dem Sie sich wie gewohnt anmelden. Das dauert eine Minute. Postroom fragt nie nach Ihrem Passwort.";
    yours_alone = "This link is yours alone: remove it before you forward or answer this mail. It works once, until {until}."
        / "Dieser Link ist nur für Sie: Entfernen Sie ihn, bevor Sie diese Mail weiterleiten oder beantworten. Er gilt einmal, bis {until}.";
    open = "Open the account" / "Konto öffnen";
    open_account = "Opens the account in the console, where administrators authorise it. Register an owner, and the next reminder goes there."
        / "Öffnet das Konto in der Konsole, in der die Administration es autorisiert. Tragen Sie Eigentümer ein, dann geht die nächste Erinnerung an diese.";
    open_instead = "Opens the account in the console, where administrators authorise it."
        / "Öffnet das Konto in der Konsole, in der die Administration es autorisiert.";

    password_subject_by = "{name} needs a new password by {date}" / "{name} braucht bis zum {date} ein neues Passwort";
    password_subject_since = "{name} needs a new password: due since {date}"
        / "{name} braucht ein neues Passwort: fällig seit dem {date}";
    password_why = "The mailbox's password ends then. That is the date noted for it when it was set up."
        / "Dann endet das Passwort des Postfachs. So wurde es bei der Einrichtung vermerkt.";
    password_will_stop = "From then on no mail is fetched from this mailbox. It stays on the mail server."
        / "Von da an wird aus diesem Postfach keine Mail mehr abgerufen. Sie bleibt auf dem Mailserver.";
    password_has_stopped = "As soon as the mail server refuses the password, no more mail is fetched. It stays on the mail server."
        / "Sobald der Mailserver das Passwort ablehnt, wird keine Mail mehr abgerufen. Sie bleibt auf dem Mailserver.";
    password_tell = "Change the password at the mail provider, then reply to this mail, so that the new one can be entered. Do not write the password itself into a mail."
        / "Ändern Sie das Passwort beim Mailanbieter, und antworten Sie dann auf diese Mail, damit das neue eingetragen werden kann. Schreiben Sie das Passwort selbst nicht in eine Mail.";
    password_pass_on = "Change the password at the mail provider, then tell the people who run this Postroom, so that the new one can be entered. Do not write the password itself into a mail."
        / "Ändern Sie das Passwort beim Mailanbieter, und sagen Sie dann den Betreibern dieses Postroom Bescheid, damit das neue eingetragen werden kann. Schreiben Sie das Passwort selbst nicht in eine Mail.";
    password_change = "Change the password at the mail provider and enter the new one on the mailbox's page, with the date on which it ends."
        / "Ändern Sie das Passwort beim Mailanbieter, und tragen Sie das neue auf der Seite des Postfachs ein, mit dem Datum, an dem es endet.";
    password_open = "Open the mailbox" / "Postfach öffnen";
}
