"""Refusals of teams."""

from services.rewards.sentences import donors
from shared.errors import Conflict, Forbidden, NotFound


class TeamNotFound(NotFound):
    """Also raised for a team of which the caller is not a member."""

    code = "TEAM_NOT_FOUND"
    says = donors.TEAM_NOT_FOUND


class TeamCodeInvalid(NotFound):
    """No team has this code, or it was replaced or has expired."""

    code = "TEAM_CODE_INVALID"
    says = donors.TEAM_CODE_INVALID


class TeamMemberNotFound(NotFound):
    code = "TEAM_MEMBER_NOT_FOUND"
    says = donors.TEAM_MEMBER_NOT_FOUND


class TeamOwnerRequired(Forbidden):
    code = "TEAM_OWNER_REQUIRED"
    says = donors.TEAM_OWNER_REQUIRED


class InATeamAlready(Conflict):
    code = "IN_A_TEAM_ALREADY"
    says = donors.IN_A_TEAM_ALREADY


class TeamFull(Conflict):
    code = "TEAM_FULL"
    says = donors.TEAM_FULL


class TeamNeedsOwner(Conflict):
    code = "TEAM_NEEDS_OWNER"
    says = donors.TEAM_NEEDS_OWNER


class TooManyTeams(Conflict):
    code = "TOO_MANY_TEAMS"
    says = donors.TOO_MANY_TEAMS
