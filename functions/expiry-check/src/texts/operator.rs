//! What mails say to operators.

postroom_language::texts! {
    /// What mails say to operators.
    Operator
    account_subject = "Sign-in of {name} refused since {date}" / "Anmeldung von {name} seit dem {date} abgelehnt";
    account_stopped = "No mail is fetched from the mailboxes below. It stays on the mail server."
        / "Aus den unten genannten Postfächern wird keine Mail abgerufen. Sie bleibt auf dem Mailserver.";
    account_open = "Open the account" / "Konto öffnen";
    account_console = "Opens the account in the console: it shows what the server said and tries again."
        / "Öffnet das Konto in der Konsole: Sie zeigt, was der Server sagt, und versucht es erneut.";

    secret = "Client secret" / "Client secret";
    certificate = "certificate" / "Zertifikat";
    key = "service account key" / "Schlüssel des Dienstkontos";
    registration = "App registration {name}" / "App-Registrierung {name}";
    provider_subject_by = "{name} needs a new {what} by {date}" / "{name} braucht bis zum {date} ein neues {what}";
    provider_subject_since = "{name} needs a new {what}: due since {date}"
        / "{name} braucht ein neues {what}: fällig seit dem {date}";
    key_subject_by = "{name} needs a new {what} by {date}" / "{name} braucht bis zum {date} einen neuen {what}";
    key_subject_since = "{name} needs a new {what}: due since {date}"
        / "{name} braucht einen neuen {what}: fällig seit dem {date}";
    secret_why = "The Client secret of this app registration ends then." / "Dann endet das Client secret dieser App-Registrierung.";
    certificate_why = "The certificate of this app registration ends then." / "Dann endet das Zertifikat dieser App-Registrierung.";
    key_why = "The key of this service account ends then." / "Dann endet der Schlüssel dieses Dienstkontos.";
    provider_will_stop = "From then on none of the provider's accounts gets a new token, and within the hour no mail is fetched through it."
        / "Von da an bekommt keines der Konten des Anbieters ein neues Token, und innerhalb einer Stunde wird darüber keine Mail mehr abgerufen.";
    provider_has_stopped = "If the provider keeps to that date, none of its accounts gets a new token, and no mail is fetched through it."
        / "Hält sich der Anbieter an dieses Datum, bekommt keines seiner Konten ein neues Token, und darüber wird keine Mail abgerufen.";
    secret_to_do = "Make a new Client secret at the provider, name it and its end (client_secret_expires) in the manifest, and run `postroom apply`. Delete the old one afterwards."
        / "Erzeugen Sie beim Anbieter ein neues Client secret, nennen Sie es und sein Ende (client_secret_expires) im Manifest, und führen Sie `postroom apply` aus. Löschen Sie das alte danach.";
    certificate_to_do = "Register a new certificate with the app at the provider, name it and its key in the manifest, and run `postroom apply`. Remove the old one afterwards."
        / "Hinterlegen Sie beim Anbieter ein neues Zertifikat für die App, nennen Sie es und seinen Schlüssel im Manifest, und führen Sie `postroom apply` aus. Entfernen Sie das alte danach.";
    key_to_do = "Make a new key for the service account, name it in the manifest, and run `postroom apply`. Delete the old one afterwards."
        / "Erzeugen Sie einen neuen Schlüssel für das Dienstkonto, nennen Sie ihn im Manifest, und führen Sie `postroom apply` aus. Löschen Sie den alten danach.";
    provider_open = "Open the app registrations" / "App-Registrierungen öffnen";
    provider_console = "Opens the console, where you see what each is registered with."
        / "Öffnet die Konsole, in der Sie sehen, was für jede eingetragen ist.";

    incident_subject = "App registration {name} refused since {date}" / "App-Registrierung {name} seit dem {date} abgelehnt";
    incident_why = "The provider refuses the app registration; it was last seen with the account {account}."
        / "Der Anbieter lehnt die App-Registrierung ab, zuletzt beim Konto {account}.";
    incident_stopped = "None of the provider's accounts gets a new token. What is left of the old ones lasts an hour or so; then no mail is fetched through this provider."
        / "Keines der Konten des Anbieters bekommt ein neues Token. Die alten gelten noch etwa eine Stunde; dann wird über diesen Anbieter keine Mail mehr abgerufen.";
    incident_to_do = "Mend the app registration: its Client ID, its Client secret or certificate, its redirect URL, its scopes. Then run `postroom apply`. Everything that waits for it goes on by itself, and nobody has to consent again."
        / "Bringen Sie die App-Registrierung in Ordnung: Client ID, Client secret oder Zertifikat, Weiterleitungs-URL, Scopes. Führen Sie dann `postroom apply` aus. Alles, was darauf wartet, geht von selbst weiter, und niemand muss erneut zustimmen.";

    configuration_subject = "App registration {name} incomplete since {date}"
        / "App-Registrierung {name} seit dem {date} unvollständig";
    configuration_why = "Something that this deployment should have for the provider is missing or contradictory, such as its Client secret; it was last seen with the account {account}."
        / "Etwas, das diese Installation für den Anbieter haben müsste, fehlt oder widerspricht sich, etwa sein Client secret; zuletzt fiel das beim Konto {account} auf.";
    configuration_to_do = "Open the app registrations in the console: they show what is missing. Correct the manifest and run `postroom apply`. Everything that waits for it goes on by itself, and nobody has to consent again."
        / "Öffnen Sie die App-Registrierungen in der Konsole: Sie zeigen, was fehlt. Berichtigen Sie das Manifest, und führen Sie `postroom apply` aus. Alles, was darauf wartet, geht von selbst weiter, und niemand muss erneut zustimmen.";
    bug_subject = "Postroom asks {name} wrongly since {date}" / "Postroom stellt {name} seit dem {date} falsche Anfragen";
    bug_why = "Postroom itself makes a mistake: its requests to the provider are not what they must be, and so they rest. It was last seen with the account {account}."
        / "Postroom selbst macht einen Fehler: Seine Anfragen an den Anbieter sind nicht, wie sie sein müssen, und ruhen deshalb. Zuletzt fiel das beim Konto {account} auf.";
    bug_to_do = "Deploy the latest release of Postroom. If it does the same, report it to Postroom's authors, with the lines of the function's log."
        / "Installieren Sie die neueste Version von Postroom. Hilft das nicht, melden Sie den Fehler den Entwicklern von Postroom, mit den Zeilen aus dem Protokoll der Funktion.";
}
