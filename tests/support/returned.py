"""Mail that comes back, as the mailers of different houses write it; names, addresses and texts are made up."""

from __future__ import annotations

from collections.abc import Callable
from email import policy
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

WHERE = "warga@contoh.id"
BACK = "pantulan@contoh.go.id"


def original(ticket: str) -> EmailMessage:
    """The mail that did not arrive, as far as its headers matter."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "wajah@contoh.go.id", WHERE, "Kabar kasus"
    mail["Message-ID"] = f"<{ticket}@contoh.go.id>"
    mail.set_content("Baca selengkapnya dan balas di halaman kasus Anda.")
    return mail


def report(
    ticket: str, *, action: str = "failed", status: str = "5.1.1", diagnostic: str = "smtp; 550 5.1.1 unknown user",
    words: str = "I'm sorry to have to inform you that your message could not be delivered.",
    subject: str = "Undelivered Mail Returned to Sender", envelope: bool = False, returned: str = "mail",
    sender: str = "MAILER-DAEMON@contoh.id",
) -> bytes:
    """RFC 3464. `envelope`: the ticket stands in `Original-Envelope-Id`; `returned`: the whole `mail`, its `headers`,
    or `nothing`."""
    mail = MIMEMultipart("report", report_type="delivery-status")
    mail["From"], mail["To"], mail["Subject"], mail["Auto-Submitted"] = sender, BACK, subject, "auto-replied"
    mail.attach(MIMEText(words, "plain", "utf-8"))
    told = Message()
    told["Content-Type"] = "message/delivery-status"
    about = Message()
    about["Reporting-MTA"] = "dns; mx.contoh.id"
    if envelope:
        about["Original-Envelope-Id"] = ticket
    who = Message()
    who["Final-Recipient"], who["Action"], who["Status"] = f"rfc822; {WHERE}", action, status
    who["Diagnostic-Code"] = diagnostic
    told.set_payload([about, who])
    mail.attach(told)
    if returned == "mail":
        mail.attach(MIMEMessage(original(ticket)))
    elif returned == "headers":
        headers = MIMEText(f"From: wajah@contoh.go.id\nMessage-ID: <{ticket}@contoh.go.id>\n", "rfc822-headers")
        mail.attach(headers)
    return mail.as_bytes(policy=policy.SMTP)


def prose(ticket: str, words: str, subject: str, sender: str, *, returned: bool = True, **headers: str) -> bytes:
    """A mailer that knows no reports."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, BACK, subject
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    copy = f"\n--- Below this line is a copy of the message.\n\n{original(ticket)}" if returned else ""
    mail.set_content(words + copy)
    return mail.as_bytes(policy=policy.SMTP)


#: By house: what it writes, and whether it is for good.
FAILURES: dict[str, tuple[Callable[[str], bytes], bool]] = {
    "Postfix": (report, True),
    "Postfix, headers only": (lambda t: report(t, returned="headers"), True),
    "Postfix, five days in vain": (lambda t: report(
        t, status="4.4.1", diagnostic="X-Postfix; connect to mx.contoh.id[192.0.2.1]:25: Connection timed out"), False),
    "nothing but the envelope's id": (lambda t: report(t, envelope=True, returned="nothing"), True),
    "Sendmail, vague status": (lambda t: report(
        t, status="5.0.0 (permanent failure)", diagnostic="SMTP; 554 5.7.1 no"), True),
    "a status that the diagnosis belies": (lambda t: report(
        t, status="4.0.0", diagnostic="smtp; 550 mailbox unavailable"), True),
    "Gmail in Indonesian": (lambda t: report(
        t, subject="Delivery Status Notification (Failure)", sender="Mail Delivery Subsystem <mailer-daemon@x.com>",
        words="** Alamat tidak ditemukan **\n\nPesan Anda tidak terkirim ke warga@contoh.id karena alamat tidak "
              "ditemukan, atau tidak dapat menerima email.", returned="headers"), True),
    "Exchange in German": (lambda t: report(
        t, subject="Unzustellbar: Kabar kasus", sender="postmaster@contoh.de", status="5.1.10",
        diagnostic="smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
        words="Fehler bei der Zustellung an folgende Empfänger oder Gruppen."), True),
    "a full mailbox, for now": (lambda t: report(t, status="4.2.2", diagnostic="smtp; 452 4.2.2 over quota"), False),
    "qmail": (lambda t: prose(
        t, "Hi. This is the qmail-send program at mx.contoh.id.\nI'm afraid I wasn't able to deliver your message to "
        f"the following addresses.\n\n<{WHERE}>:\nSorry, no mailbox here by that name. (#5.1.1)\n",
        "failure notice", "MAILER-DAEMON@mx.contoh.id"), True),
    "Exim": (lambda t: prose(
        t, f"A message that you sent could not be delivered to one or more of its recipients.\n\n  {WHERE}\n    "
        "host mx.contoh.id [192.0.2.7]: 550 unknown user\n",
        "Mail delivery failed: returning message to sender", "Mail Delivery System <Mailer-Daemon@mx.contoh.id>",
        X_Failed_Recipients=WHERE), True),
    "a German free mailer": (lambda t: prose(
        t, "Diese Nachricht wurde automatisch erzeugt.\n\nIhre E-Mail konnte nicht zugestellt werden:\n\n"
        f"{WHERE}:\nDie Adresse existiert nicht.\n", "Mail delivery failed", '"Mailer Daemon" <mailer-daemon@x.de>'),
        True),
    "an Indonesian house": (lambda t: prose(
        t, f"Pesan Anda tidak dapat dikirim ke alamat berikut:\n{WHERE}\n\nPengguna tidak terdaftar di server ini.\n",
        "Pengiriman gagal", "Postmaster <postmaster@contoh.go.id>"), True),
    "an Indonesian house, for now": (lambda t: prose(
        t, f"Pesan Anda gagal dikirim ke {WHERE}: 452 4.3.1 kotak surat penuh.\n", "Gagal mengirim",
        "Postmaster <postmaster@contoh.go.id>"), False),
}

#: What is no failure of ours, however much it looks like one.
OTHERS: dict[str, Callable[[str], bytes]] = {
    "a delay": lambda t: report(t, action="delayed", status="4.4.1", subject="Delayed Mail (still being retried)"),
    "a delay in prose": lambda t: prose(
        t, "Warning: message delayed 24 hours. It will be retried; no action is required. 451 4.4.1 timeout\n"
        "It could not be delivered yet.", "Warning: message delayed", "MAILER-DAEMON@mx.contoh.id"),
    "a receipt": lambda t: report(t, action="delivered", status="2.0.0", subject="Successful Mail Delivery Report"),
    "passed on to a mailer without receipts": lambda t: report(t, action="relayed", status="2.0.0"),
    "an absence": lambda t: prose(
        t, "Saya sedang cuti sampai 5 Desember. Pesan Anda akan saya baca sesudahnya.", "Balasan otomatis: Kabar kasus",
        "Warga <warga@contoh.id>", Auto_Submitted="auto-replied", Return_Path="<>"),
    "an answer": lambda t: prose(
        t, "Email saya yang lama tidak bisa dikirim, pakai yang ini. Error 550 5.1.1 katanya.", "Re: Kabar kasus",
        "Warga <warga@contoh.id>"),
    "nothing": lambda t: b"",
    "no mail": lambda t: bytes(range(256)) * 3,
}
