from services.accounts.sentences import family_refusals as refusals
from shared.errors import Conflict


class RuleProposalOpen(Conflict):
    code = "RULE_PROPOSAL_OPEN"
    says = refusals.RULE_PROPOSAL_OPEN


class NoRuleProposal(Conflict):
    """Nothing is proposed, or it has ended meanwhile."""

    code = "NO_RULE_PROPOSAL"
    says = refusals.NO_RULE_PROPOSAL
