"""What kinds of news a citizen is sent, the most important first: outside WhatsApp's window one of them is
announced for all that wait."""

from __future__ import annotations

from enum import StrEnum


class Notice(StrEnum):
    """A kind of news; each has its own template on WhatsApp."""

    closed = "closed"                        # closed because nothing was said to a proposal
    last_reminder = "last_reminder"          # of a proposal, the second one
    first_reminder = "first_reminder"
    proposal = "proposal"
    question_reminder = "question_reminder"  # the officer still waits for an answer
    question = "question"
    reply = "reply"
    breach = "breach"                        # a promised time was missed
    correction = "correction"                # an answer of ours was wrong
    asked_reminder = "asked_reminder"        # the citizen wanted to be reminded
    answer = "answer"                        # to a question that was answered more than a day later, without a case
    new_officer = "new_officer"
    referral = "referral"                    # another office was written to, or has answered
    news = "news"                            # anything else

    @property
    def rank(self) -> int:
        """Its place in the order of importance; 0 comes first."""
        return list(Notice).index(self)

    @property
    def of_case(self) -> bool:
        """Whether it is news of a case; what is not may come to a conversation that never had one."""
        return self not in (Notice.correction, Notice.asked_reminder, Notice.answer)


#: What an event of a case is for its citizen; an event that is not here is none.
OF_EVENT = {
    "replied": Notice.reply, "asked": Notice.question, "proposed": Notice.proposal,
    "reassigned": Notice.new_officer, "transfer_accepted": Notice.new_officer, "given_to_head": Notice.new_officer,
    "handed_on": Notice.new_officer, "deadline_missed": Notice.breach, "overdue": Notice.breach,
    "reminded": Notice.first_reminder, "question_reminded": Notice.question_reminder, "question_over": Notice.news,
    "closed_silent": Notice.closed, "late_answer_given": Notice.news, "referred": Notice.referral,
    "referral_followed": Notice.referral, "dismissed": Notice.news, "answer_corrected": Notice.correction,
    "reminder_sent": Notice.asked_reminder,
}
