//! What pages say about what does not work: title, what happened, what to do next.

postroom_language::texts! {
    /// What pages say about what does not work: title, what happened, what to do next.
    Problem
    next = "What to do next" / "Was jetzt zu tun ist";
    home = "To the first page" / "Zur Startseite";
    reference = "If you ask somebody for help, give this reference number:"
        / "Wenn Sie jemanden um Hilfe bitten, nennen Sie diese Referenznummer:";
    start_again = "Nothing was changed. Go back to the page you came from and start again from there."
        / "Es wurde nichts geändert. Gehen Sie zu der Seite zurück, von der Sie kamen, und beginnen Sie dort von vorn.";

    not_found = "There is nothing here" / "Hier ist nichts";
    not_found_what = "There is no such page, account or mailbox. It may have been removed."
        / "Eine solche Seite, ein solches Konto oder Postfach gibt es nicht. Vielleicht wurde es entfernt.";
    not_found_next = "Look for it in the overview." / "Suchen Sie es in der Übersicht.";

    invalid = "That request cannot be understood" / "Diese Anfrage ist nicht verständlich";
    invalid_what = "The address or the form is incomplete, or is not one that these pages make."
        / "Die Adresse oder das Formular ist unvollständig oder stammt nicht von diesen Seiten.";
    invalid_next = "Nothing was changed. Go back, load the page again and try once more."
        / "Es wurde nichts geändert. Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.";

    foreign_form = "This form is out of date" / "Dieses Formular ist veraltet";
    foreign_form_what = "The form was not sent from a page of your present session. That happens after signing in anew in another tab, or when another site tries to act in your name."
        / "Das Formular wurde nicht von einer Seite Ihrer jetzigen Sitzung gesendet. Das kommt vor, wenn Sie sich in einem anderen Tab neu angemeldet haben, oder wenn eine fremde Seite in Ihrem Namen handeln will.";
    foreign_form_next = "Nothing was changed. Go back, load the page again and try once more."
        / "Es wurde nichts geändert. Gehen Sie zurück, laden Sie die Seite neu und versuchen Sie es noch einmal.";

    link_next = "Ask whoever runs this Postroom for a new link, and open it in this browser."
        / "Bitten Sie die Betreuer dieses Postroom um einen neuen Link und öffnen Sie ihn in diesem Browser.";
    link_needed = "This page needs a personal link" / "Diese Seite braucht einen persönlichen Link";
    link_needed_what = "It opens only for the owner of an account, by the link in a mail."
        / "Sie öffnet sich nur für Eigentümer eines Kontos, über den Link in einer E-Mail.";
    link_invalid = "This link is not valid" / "Dieser Link ist nicht gültig";
    link_invalid_what = "It is incomplete, or it was not made by this Postroom. Some mail programs break a long link in two."
        / "Er ist unvollständig oder stammt nicht von diesem Postroom. Manche Mailprogramme brechen lange Links um.";
    link_expired = "This link has expired" / "Dieser Link ist abgelaufen";
    link_expired_what = "Personal links work for a limited time only."
        / "Persönliche Links gelten nur für begrenzte Zeit.";
    link_withdrawn = "Ask for a new link" / "Bitten Sie um einen neuen Link";
    link_withdrawn_what = "The account is gone, or you are no longer an owner of it or of a mailbox that uses it."
        / "Das Konto gibt es nicht mehr, oder weder es noch eines seiner Postfächer nennt Sie noch als Eigentümer.";
    link_overtaken = "There is nothing left to do" / "Es ist nichts mehr zu tun";
    link_overtaken_what = "Somebody has authorised this account since the link was made, so that it is no longer needed."
        / "Seit dieser Link gemacht wurde, hat jemand das Konto autorisiert; er wird nicht mehr gebraucht.";
    link_overtaken_next = "You can close this page. Should the account need you again, you get a mail with a new link."
        / "Sie können diese Seite schließen. Braucht das Konto Sie wieder, bekommen Sie eine Mail mit einem neuen Link.";
    link_used = "This link was used before" / "Dieser Link wurde schon benutzt";
    link_used_what = "A personal link works once. If it was not you who used it, say so when you ask for a new one."
        / "Ein persönlicher Link gilt nur einmal. Wenn nicht Sie ihn benutzt haben, sagen Sie das, wenn Sie um einen neuen bitten.";

    too_many = "Too many attempts" / "Zu viele Versuche";
    too_many_what = "More requests came from your network within a minute than a person makes."
        / "Aus Ihrem Netz kamen innerhalb einer Minute mehr Anfragen, als ein Mensch stellt.";
    too_many_next = "Wait a minute, then try again." / "Warten Sie eine Minute und versuchen Sie es dann noch einmal.";

    state_unknown = "This sign-in is no longer open" / "Diese Anmeldung ist nicht mehr offen";
    state_unknown_what = "It was finished before, or it took longer than ten minutes."
        / "Sie wurde schon abgeschlossen oder hat länger als zehn Minuten gedauert.";
    other_browser = "This sign-in was begun elsewhere" / "Diese Anmeldung wurde anderswo begonnen";
    other_browser_what = "It was not started in this browser and this session, so it cannot be finished here."
        / "Sie wurde nicht in diesem Browser und dieser Sitzung begonnen und kann darum hier nicht abgeschlossen werden.";
    other_server = "The answer came from the wrong server" / "Die Antwort kam vom falschen Server";
    other_server_what = "Another authorization server answered than the one that was asked, or it did not say which one it is."
        / "Es hat ein anderer Autorisierungsserver geantwortet als der gefragte, oder er sagt nicht, welcher er ist.";
    other_server_next = "Nothing was changed. Start again; if it happens again, tell whoever runs this Postroom: somebody may be trying to interfere."
        / "Es wurde nichts geändert. Beginnen Sie von vorn; wenn es wieder geschieht, sagen Sie es den Betreuern dieses Postroom: vielleicht mischt sich jemand ein.";

    not_configured = "Nobody can sign in yet" / "Noch kann sich niemand anmelden";
    not_configured_what = "The deployment does not say who its administrators are, or where they sign in."
        / "Die Installation legt nicht fest, wer sie verwaltet oder wo diese Personen sich anmelden.";
    not_configured_next = "Apply a provider (an OpenID Connect app registration with this console's redirect URL), then deploy with the parameters AdminProvider (its id) and AdminAddresses (e-mail addresses) or AdminGroup (claim=value). A Microsoft provider needs a tenant of its own, not a shared one."
        / "Legen Sie mit apply einen Anbieter an (eine OpenID-Connect-App-Registrierung mit der Redirect-URL dieser Konsole) und installieren Sie dann mit den Parametern AdminProvider (dessen id) und AdminAddresses (E-Mail-Adressen) oder AdminGroup (claim=value). Ein Microsoft-Anbieter braucht einen eigenen Tenant, keinen gemeinsamen.";
    declined = "You are not signed in" / "Sie sind nicht angemeldet";
    declined_what = "The sign-in was cancelled, or the authorization server was not allowed to say who you are."
        / "Die Anmeldung wurde abgebrochen, oder der Autorisierungsserver durfte nicht sagen, wer Sie sind.";
    declined_next = "Go to the first page and sign in again." / "Gehen Sie zur Startseite und melden Sie sich noch einmal an.";
    failed = "Signing in did not work" / "Die Anmeldung hat nicht geklappt";
    failed_what = "The authorization server did not answer as it should, or its answer could not be verified."
        / "Der Autorisierungsserver hat nicht geantwortet, wie er sollte, oder seine Antwort ließ sich nicht prüfen.";
    failed_next = "Try again in a minute. If it lasts, whoever runs this Postroom finds the cause in the log, under the reference number."
        / "Versuchen Sie es in einer Minute noch einmal. Wenn es so bleibt, finden die Betreuer dieses Postroom die Ursache im Protokoll unter der Referenznummer.";
    no_administrator = "You are not an administrator here" / "Sie sind hier nicht Administrator";
    no_administrator_what = "You signed in, but not as one of the people who may see these pages."
        / "Sie haben sich angemeldet, aber nicht als eine der Personen, die diese Seiten sehen dürfen.";
    no_administrator_next = "Sign out at your identity provider and sign in as another user, or ask whoever runs this Postroom to add your e-mail address to AdminAddresses or you to the group in AdminGroup. An address counts only where the authorization server says that it has verified it (the claim email_verified; with Google also hd, the address's domain). A server that says nothing of the kind needs AdminGroup."
        / "Melden Sie sich beim Identity Provider ab und als anderer Benutzer an, oder bitten Sie die Betreuer dieses Postroom, Ihre E-Mail-Adresse in AdminAddresses oder Sie in die Gruppe in AdminGroup aufzunehmen. Eine Adresse zählt nur, wenn der Autorisierungsserver sagt, dass er sie verifiziert hat (der Claim email_verified; bei Google auch hd, die Domain der Adresse). Sagt ein Server das nicht, hilft AdminGroup.";

    unavailable = "That does not work at the moment" / "Das geht im Augenblick nicht";
    unavailable_what = "Something that this page needs does not answer." / "Etwas, das diese Seite braucht, antwortet nicht.";
    unavailable_next = "Try again in a minute. If it lasts, whoever runs this Postroom finds the cause in the log, under the reference number."
        / "Versuchen Sie es in einer Minute noch einmal. Wenn es so bleibt, finden die Betreuer dieses Postroom die Ursache im Protokoll unter der Referenznummer.";
    internal = "Something went wrong here" / "Hier ist etwas schiefgegangen";
    internal_what = "This page could not be made. The fault is on our side."
        / "Diese Seite ließ sich nicht erstellen. Der Fehler liegt auf unserer Seite.";
    internal_next = "Whoever runs this Postroom finds the cause in the log, under the reference number."
        / "Die Betreuer dieses Postroom finden die Ursache im Protokoll unter der Referenznummer.";
}
