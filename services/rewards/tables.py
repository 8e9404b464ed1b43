"""All tables of the service, for migrations."""

from services.rewards.approvals import models as _approvals
from services.rewards.audit import models as _audit
from services.rewards.badges import models as _badges
from services.rewards.banks import models as _banks
from services.rewards.budgets import models as _budgets
from services.rewards.campaigns import models as _campaigns
from services.rewards.catalogue import models as _catalogue
from services.rewards.categories import models as _categories
from services.rewards.certificates import models as _certificates
from services.rewards.clearing import models as _clearing
from services.rewards.database import metadata
from services.rewards.disputes import models as _disputes
from services.rewards.documents import models as _documents
from services.rewards.donor_names import models as _donor_names
from services.rewards.enterprises import models as _enterprises
from services.rewards.erased_accounts import models as _erased_accounts
from services.rewards.loans import models as _loans
from services.rewards.memberships import models as _memberships
from services.rewards.merchants import models as _merchants
from services.rewards.offline_reports import models as _offline_reports
from services.rewards.orders import models as _orders
from services.rewards.participants import models as _participants
from services.rewards.pictures import models as _pictures
from services.rewards.rankings import models as _rankings
from services.rewards.recognition import models as _recognition
from services.rewards.reconciliation import models as _reconciliation
from services.rewards.redemptions import models as _redemptions
from services.rewards.standing_orders import models as _standing_orders
from services.rewards.teams import models as _teams
from services.rewards.voucher_imports import models as _voucher_imports
from services.rewards.vouchers import models as _vouchers

__all__ = ["metadata"]

_ = (
    _approvals,
    _audit,
    _banks,
    _badges,
    _budgets,
    _campaigns,
    _catalogue,
    _categories,
    _certificates,
    _clearing,
    _disputes,
    _donor_names,
    _enterprises,
    _loans,
    _erased_accounts,
    _documents,
    _memberships,
    _merchants,
    _offline_reports,
    _orders,
    _participants,
    _pictures,
    _rankings,
    _recognition,
    _reconciliation,
    _redemptions,
    _voucher_imports,
    _standing_orders,
    _teams,
    _vouchers,
)
