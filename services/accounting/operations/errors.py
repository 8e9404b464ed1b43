"""What operators are refused."""

from shared.errors import Conflict, NotFound


class ProposalNotFound(NotFound):
    code = "PROPOSAL_NOT_FOUND"
    title_zh = "没有这项提议"
    title_en = "No such proposal"


class ProposalDecided(Conflict):
    code = "PROPOSAL_DECIDED"
    title_zh = "这项提议已经处理过"
    title_en = "This proposal has been decided already"
    detail_zh = "当前状态：{status}。"
    detail_en = "Its state is {status}."


class ProposalOpen(Conflict):
    code = "PROPOSAL_OPEN"
    title_zh = "同一对象已有待批准的提议"
    title_en = "A proposal about this waits for approval already"


class SecondPersonNeeded(Conflict):
    code = "SECOND_PERSON_NEEDED"
    title_zh = "须由另一位操作员批准"
    title_en = "Another operator has to approve this"
