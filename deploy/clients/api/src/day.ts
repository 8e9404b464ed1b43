// Plays a citizen's and a partner's day on a running stack and prints what happened as one JSON object:
// node dist/day.js [.run/credentials.json]

import { Citizen, refusedLogIn } from "./citizen.js";
import { readCredentials } from "./credentials.js";
import { RecyclingPartner } from "./partner.js";

const credentials = readCredentials(process.argv[2] ?? ".run/credentials.json");
const partner = new RecyclingPartner(credentials);
const citizen = await Citizen.arrive(credentials);
const binding = await citizen.bind("recycle");
const early = await citizen.orderTooMuch("reganmian");

const pushed = await partner.pushDeposits(citizen.accountNo, 2);
const credited = await citizen.waitForCredits(2);
const [newest] = credited;
if (newest === undefined) throw new Error("nothing was credited");
const detail = await citizen.explanation(newest.activity_id);

const earnedMg = await citizen.balanceMg();
const order = await citizen.orderTwice("reganmian");
const donation = await citizen.donate(500_000);
const receipt = await partner.receipt(pushed.receiptId);
const statuses = await Promise.all(pushed.ids.map((id) => partner.statusOf(id)));
const day = await partner.reconciledDay();

console.log(
  JSON.stringify({
    binding: binding.status,
    earned_mg: earnedMg,
    left_mg: await citizen.balanceMg(),
    explained: { reason_code: newest.reason_code, steps: detail.explanation.steps.length },
    entries: await citizen.entries(),
    order,
    donation: { status: donation.status, has_certificate: donation.certificateNo !== null },
    refusals: {
      log_in: await refusedLogIn(credentials),
      order: early,
      foreign_order: await citizen.readForeignOrder(),
      event: await partner.pushWrongWeight(citizen.accountNo),
    },
    receipt_items: receipt.results.length,
    statuses,
    reconciled_day: day.date,
    unbound: await citizen.unbind(binding.id),
    log_out: await citizen.logOut(),
  }),
);
