//! What went wrong, and what to do: two sentences for each class of fault.

postroom_language::texts! {
    /// What went wrong, and what to do: two sentences for each class of fault.
    Faults
    unreachable = "The server cannot be reached." / "Der Server ist nicht erreichbar.";
    unreachable_advice = "It is tried again by itself. If it lasts, check the host name, the port and the network."
        / "Es wird von selbst wiederholt. Falls es anhält, prüfen Sie Hostname, Port und Netzwerk.";
    timed_out = "The server took too long to answer." / "Der Server hat zu lange nicht geantwortet.";
    timed_out_advice = "It is tried again by itself. If it lasts, ask the server's administrator whether it is overloaded."
        / "Es wird von selbst wiederholt. Falls es anhält, fragen Sie die Administration des Servers, ob er überlastet ist.";
    connection_lost = "The server closed the connection before it had answered."
        / "Der Server hat die Verbindung geschlossen, bevor er geantwortet hatte.";
    connection_lost_advice = "It is tried again by itself. If it lasts, ask the server's administrator what its log says."
        / "Es wird von selbst wiederholt. Falls es anhält, fragen Sie die Administration des Servers, was in seinem Protokoll steht.";
    throttled = "The server asks us to slow down." / "Der Server bittet um weniger Anfragen.";
    throttled_advice = "It is tried again after the pause that the server asked for. A longer interval avoids it."
        / "Es wird nach der vom Server verlangten Pause wiederholt. Ein längeres Intervall vermeidet das.";
    temporarily_unavailable = "The server says that it cannot answer now." / "Der Server kann zurzeit nicht antworten.";
    temporarily_unavailable_advice = "It is tried again by itself." / "Es wird von selbst wiederholt.";
    certificate = "The server's certificate is not one that we trust for its name."
        / "Dem Zertifikat des Servers kann für diesen Namen nicht vertraut werden.";
    certificate_advice = "Have the server's certificate renewed or corrected, or give Postroom its private CA."
        / "Lassen Sie das Zertifikat des Servers erneuern oder berichtigen, oder geben Sie Postroom seine eigene CA.";
    protocol = "The server answered in a way that Postroom does not understand."
        / "Der Server hat so geantwortet, dass Postroom es nicht versteht.";
    protocol_advice = "Try it again. If it stays, report it together with what the server said."
        / "Versuchen Sie es erneut. Bleibt es dabei, melden Sie es zusammen mit der Antwort des Servers.";
    no_mechanism = "The server offers no way to sign in that this mailbox may use."
        / "Der Server bietet keine Anmeldung an, die dieses Postfach verwenden darf.";
    no_mechanism_advice = "Have the sign-in method enabled at the mail server, or change how the mailbox signs in."
        / "Lassen Sie die Anmeldeart am Mailserver einschalten, oder ändern Sie die Anmeldung des Postfachs.";
    plaintext_refused = "The password would have crossed an unprotected connection."
        / "Das Passwort wäre über eine ungeschützte Verbindung gegangen.";
    plaintext_refused_advice = "Choose TLS or STARTTLS, or have the host allowed in the deployment."
        / "Wählen Sie TLS oder STARTTLS, oder lassen Sie den Host in der Bereitstellung zulassen.";
    password_refused = "The server refused the user name or the password."
        / "Der Server hat Benutzernamen oder Passwort abgelehnt.";
    password_refused_advice = "Check both and enter the password again. Many providers now ask for OAuth or an app password."
        / "Prüfen Sie beide und geben Sie das Passwort neu ein. Viele Anbieter verlangen inzwischen OAuth oder ein App-Passwort.";
    token_refused = "The mail server refused the access token." / "Der Mailserver hat das Access-Token abgelehnt.";
    token_refused_advice = "Re-authorise the account. If that was done just now, check that its scopes include mail access."
        / "Autorisieren Sie das Konto erneut. Falls das gerade geschah, prüfen Sie, ob seine Scopes den Mailzugriff enthalten.";
    authorization_ended = "The authorization has ended, was withdrawn or was never given."
        / "Die Autorisierung ist abgelaufen, wurde widerrufen oder nie erteilt.";
    authorization_ended_advice = "Re-authorise the account." / "Autorisieren Sie das Konto erneut.";
    interaction_required = "The server wants the person to sign in again, perhaps with a second factor."
        / "Der Server verlangt eine neue Anmeldung, vielleicht mit einem zweiten Faktor.";
    interaction_required_advice = "Re-authorise the account and complete the steps that are asked for."
        / "Autorisieren Sie das Konto erneut und folgen Sie den verlangten Schritten.";
    consent_required = "The person has not consented to everything that is asked for."
        / "Nicht allen verlangten Berechtigungen wurde zugestimmt.";
    consent_required_advice = "Re-authorise the account and accept every permission."
        / "Autorisieren Sie das Konto erneut und stimmen Sie allen Berechtigungen zu.";
    admin_consent_required = "This consent is an administrator's to give."
        / "Diese Zustimmung kann nur die Administration erteilen.";
    admin_consent_required_advice = "Ask an administrator of the directory to consent to the app for everyone."
        / "Bitten Sie die Administration des Verzeichnisses, der App für alle zuzustimmen.";
    account_policy = "A rule of the directory, or the state of the person's account, stands in the way."
        / "Eine Regel des Verzeichnisses oder der Zustand des Benutzerkontos steht im Weg.";
    account_policy_advice = "Have the account checked in the directory: disabled, locked, not assigned to the app, or kept out by conditional access."
        / "Lassen Sie das Benutzerkonto im Verzeichnis prüfen: deaktiviert, gesperrt, der App nicht zugewiesen oder durch bedingten Zugriff ausgeschlossen.";
    no_mailbox_access = "The sign-in works, but not for this mailbox." / "Die Anmeldung gelingt, aber nicht für dieses Postfach.";
    no_mailbox_access_advice = "Give the account, or the app's service principal, full access to this mailbox, and check that IMAP or POP is enabled for it."
        / "Geben Sie dem Konto oder dem Dienstprinzipal der App Vollzugriff auf dieses Postfach, und prüfen Sie, ob IMAP oder POP dafür eingeschaltet ist.";
    web_login_required = "The provider wants a person to sign in on the web first."
        / "Der Anbieter verlangt zuerst eine Anmeldung im Web.";
    web_login_required_advice = "Sign in to the mailbox in a browser once and confirm that it was you."
        / "Melden Sie sich einmal im Browser am Postfach an und bestätigen Sie, dass Sie es waren.";
    over_quota = "The mailbox has used up what the provider grants it for a while."
        / "Das Postfach hat aufgebraucht, was der Anbieter ihm für eine Weile gewährt.";
    over_quota_advice = "It is tried again after a pause. A longer interval or fewer folders avoid it."
        / "Es wird nach einer Pause wiederholt. Ein längeres Intervall oder weniger Ordner vermeiden das.";
    folder = "A folder does not exist, or may not be opened." / "Ein Ordner existiert nicht oder darf nicht geöffnet werden.";
    folder_advice = "Correct the mailbox's folders." / "Berichtigen Sie die Ordner des Postfachs.";
    paused = "Somebody has paused the mailbox." / "Jemand hat das Postfach angehalten.";
    paused_advice = "Resume it, then try again." / "Setzen Sie es fort, und versuchen Sie es dann erneut.";
    app_registration = "The app registration is not as the server expects it."
        / "Die App-Registrierung ist nicht so, wie der Server sie erwartet.";
    app_registration_advice = "Mend the app registration: its Client ID, its Client secret or certificate, its redirect URL, its scopes. Everything that waits for it goes on by itself."
        / "Bringen Sie die App-Registrierung in Ordnung: Client ID, Client secret oder Zertifikat, Weiterleitungs-URL, Scopes. Alles, was darauf wartet, geht von selbst weiter.";
    configuration = "Something that this deployment should have is missing or contradictory."
        / "Etwas, das diese Bereitstellung haben müsste, fehlt oder widerspricht sich.";
    configuration_advice = "Correct the settings named below." / "Berichtigen Sie die unten genannten Einstellungen.";
    storage = "Storage or another AWS service refused or failed." / "Der Speicher oder ein anderer AWS-Dienst hat abgelehnt oder versagt.";
    storage_advice = "It is tried again by itself. If it lasts, look into the function's log."
        / "Es wird von selbst wiederholt. Falls es anhält, sehen Sie ins Protokoll der Funktion.";
    unsupported = "This release of Postroom cannot do that yet." / "Diese Version von Postroom kann das noch nicht.";
    unsupported_advice = "Change the setting, or update Postroom." / "Ändern Sie die Einstellung, oder aktualisieren Sie Postroom.";
    bug = "Postroom did something that it must not do." / "Postroom hat etwas getan, was es nicht darf.";
    bug_advice = "Report it with the function's log lines. Calls stop until then."
        / "Melden Sie es mit den Zeilen aus dem Protokoll der Funktion. Bis dahin ruhen die Aufrufe.";
    unknown = "The server gave a reason that Postroom does not know." / "Der Server nannte einen Grund, den Postroom nicht kennt.";
    unknown_advice = "It is tried again by itself. If it lasts, read what the server said."
        / "Es wird von selbst wiederholt. Falls es anhält, lesen Sie, was der Server sagt.";
    said = "What was said: {reason}" / "Die Antwort im Wortlaut: {reason}";
    who = "Who must act" / "Wer handeln muss";
}
