//! The letter to owners, and what the page says about sending it.

postroom_language::texts! {
    /// The letter to owners, and what the page says about sending it.
    Letter
    subject = "Please authorise mail fetching again" / "Bitte autorisieren Sie den Mailabruf erneut";
    greeting = "Hello," / "Guten Tag,";
    what = "Postroom fetches mail for you and needs your consent again. Open the link, press the button and sign in as usual. It takes a minute."
        / "Postroom ruft Mail für Sie ab und braucht Ihre Zustimmung erneut. Öffnen Sie den Link, drücken Sie den Knopf und melden Sie sich wie gewohnt an. Das dauert eine Minute.";
    about = "Account {account}:" / "Konto {account}:";
    about_login = "Account {account}, sign in as {login}:" / "Konto {account}, Anmeldung als {login}:";
    open = "Authorise" / "Autorisieren";
    works_until = "A link is yours alone: remove it before you forward or answer this mail. It works once, until {until}."
        / "Ein Link ist nur für Sie: Entfernen Sie ihn, bevor Sie diese Mail weiterleiten oder beantworten. Er gilt einmal, bis {until}.";
    not_you = "If this means nothing to you, do nothing: without you nothing happens."
        / "Wenn Ihnen das nichts sagt, tun Sie nichts: Ohne Sie geschieht nichts.";

    sent_title = "Links to owners" / "Links an Eigentümer";
    sent = "Sent" / "Gesendet";
    sent_what = "Links in it: {n}." / "Links darin: {n}.";
    not_sent = "Not sent" / "Nicht gesendet";
    no_time = "There was no time for it; send the others first." / "Dafür fehlte die Zeit; senden Sie zuerst die anderen.";
    throttled = "SES is asked too often; try it again in a moment." / "SES wird zu oft gefragt; versuchen Sie es gleich noch einmal.";
    quota_used_up = "SES sends no more today: the AWS account's daily quota is used up."
        / "SES sendet heute nichts mehr: Das Tageskontingent des AWS-Kontos ist aufgebraucht.";
    recipient_refused = "SES does not send to this address: {said}" / "SES sendet nicht an diese Adresse: {said}";
    stopped = "SES sends nothing: {said}" / "SES sendet nichts: {said}";
    rejected = "SES rejects this letter: {said}" / "SES weist diesen Brief zurück: {said}";
    not_now = "SES could not send it now: {said}" / "SES konnte gerade nicht senden: {said}";
    no_address = "This is no mail address. Correct the owner in the manifest and run “postroom apply”."
        / "Das ist keine Mailadresse. Berichtigen Sie den Eigentümer im Manifest und führen Sie „postroom apply“ aus.";
    no_owner = "Neither it nor a mailbox that uses it has an owner" / "Weder es noch ein Postfach, das es nutzt, hat Eigentümer";
    no_consent = "Needs nobody's consent" / "Braucht niemandes Zustimmung";
    no_sender = "This deployment sends no mail: deploy it with the parameter SenderAddress, an address that SES has verified."
        / "Diese Installation sendet keine Mail: Installieren Sie sie mit dem Parameter SenderAddress, einer von SES verifizierten Adresse.";
    too_many = "Links were sent for the first {most} accounts." / "Links wurden für die ersten {most} Konten gesendet.";
}
