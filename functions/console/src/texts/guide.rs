//! What is to be done in a directory for an app that opens mailboxes in its own right.

postroom_language::texts! {
    /// What is to be done in a directory for an app that opens mailboxes in its own right.
    Guide
    title = "Set up in the directory" / "Einrichtung im Verzeichnis";
    lead = "This account works with the app's own rights: nobody signs in for it. An administrator of the directory lets it in once."
        / "Dieses Konto arbeitet mit den eigenen Rechten der App: Niemand meldet sich dafür an. Die Administration des Verzeichnisses lässt es einmal ein.";
    microsoft_permissions = "In the app registration, under API permissions, add these application permissions of Office 365 Exchange Online:"
        / "Fügen Sie in der App-Registrierung unter „API-Berechtigungen“ diese Anwendungsberechtigungen von Office 365 Exchange Online hinzu:";
    microsoft_consent = "Let an administrator open this link and accept:"
        / "Lassen Sie die Administration diesen Link öffnen und zustimmen:";
    microsoft_consent_link = "Consent for the whole directory" / "Für das ganze Verzeichnis zustimmen";
    microsoft_commands = "As an Exchange administrator, run these commands in PowerShell. They take the object id of the Enterprise application, which is the right one; that of the app registration would not work."
        / "Führen Sie als Exchange-Administration diese Befehle in PowerShell aus. Sie verwenden die Objekt-ID der Unternehmensanwendung, das ist die richtige; mit der der App-Registrierung ginge es nicht.";
    microsoft_then = "Then check. Exchange may need some minutes before new permissions count."
        / "Prüfen Sie dann. Exchange braucht manchmal einige Minuten, bis neue Berechtigungen gelten.";
    google_open = "As an administrator of Google Workspace, open Security → Access and data control → API controls → Manage domain-wide delegation, and choose Add new."
        / "Öffnen Sie als Google-Workspace-Administration Sicherheit → Zugriffs- und Datenkontrolle → API-Steuerung → Domainweite Delegierung verwalten, und wählen Sie „Neu hinzufügen“.";
    google_open_link = "Open the Google admin console" / "Google-Admin-Konsole öffnen";
    google_client = "Enter the Client ID of the service account:" / "Geben Sie die Client ID des Dienstkontos ein:";
    google_scopes = "Enter the OAuth Scope and authorise:" / "Geben Sie den OAuth Scope ein und autorisieren Sie:";
    google_imap = "Check that IMAP, or POP where it is used, is on for these people, under Apps → Google Workspace → Gmail → End user access."
        / "Prüfen Sie, ob IMAP, oder POP, wo es verwendet wird, für diese Personen eingeschaltet ist, unter Apps → Google Workspace → Gmail → Endnutzerzugriff.";
    then = "Then check. Google may need some minutes before it counts."
        / "Prüfen Sie dann. Google braucht manchmal einige Minuten, bis es gilt.";
    consented = "The directory has answered" / "Das Verzeichnis hat geantwortet";
    consented_what = "The directory says that its administrator consented. Postroom cannot check that, and nothing was changed in it."
        / "Das Verzeichnis sagt, dass seine Administration zugestimmt hat. Prüfen kann Postroom das nicht; hier wurde nichts geändert.";
    declined = "The directory did not consent" / "Das Verzeichnis hat nicht zugestimmt";
    declined_what = "The directory says that the consent was not given. Nothing was changed in Postroom."
        / "Das Verzeichnis sagt, dass die Zustimmung nicht erteilt wurde. In Postroom wurde nichts geändert.";
    consented_next = "Whether the app is let in shows on the account's page: go through the remaining steps there and press “Check now”."
        / "Ob die App eingelassen wird, zeigt die Seite des Kontos: Gehen Sie dort die übrigen Schritte durch und drücken Sie „Jetzt prüfen“.";
    consented_go = "To the accounts" / "Zu den Konten";
    copy = "Copy" / "Kopieren";
    copied = "Copied" / "Kopiert";
    command_tools = "Tools, once on this computer" / "Werkzeuge, einmal auf diesem Computer";
    command_app = "The Enterprise application of this Client ID" / "Die Unternehmensanwendung dieser Client ID";
    command_principal = "Makes Exchange know it; that it exists already is no harm"
        / "Macht sie in Exchange bekannt; wenn es sie dort schon gibt, schadet das nicht";
    command_mailboxes = "Lets it open each mailbox" / "Lässt sie jedes Postfach öffnen";
    command_no_mailbox = "No mailbox uses this account yet; then there is one {example} for each."
        / "Noch verwendet kein Postfach dieses Konto; dann steht hier je ein {example}.";
}
