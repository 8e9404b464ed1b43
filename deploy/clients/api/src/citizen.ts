// A citizen's day: log in, open the account, bind a partner, read what was credited and why, redeem, donate.

import { randomUUID } from "node:crypto";
import { bearer, expectData, expectProblem, neverHere, newIdempotencyKey, platform, type Platform } from "./client.js";
import type { Credentials } from "./credentials.js";
import type { components as Accounting } from "./types/accounting.js";

type Activity = Accounting["schemas"]["ActivityItem"];
type Detail = Accounting["schemas"]["ActivityDetail"];

export class Citizen {
  private constructor(
    readonly accountNo: string,
    private readonly code: string,
    private readonly api: Platform,
  ) {}

  static async arrive(credentials: Credentials): Promise<Citizen> {
    const code = `${credentials.wechat_code_prefix}day-${randomUUID()}`;
    const anonymous = platform(credentials.gateway_url);
    const session = expectData(await anonymous.accounts.POST("/api/v1/accounts/sessions", { body: { code } }));
    const api = platform(credentials.gateway_url, bearer(session.access_token));
    const policies = expectData(await api.accounts.GET("/api/v1/accounts/policies"));
    const current = policies.items.find((one) => one.accepted_until === null) ?? policies.items[0];
    if (current === undefined) throw new Error("no published policy");
    const opened = expectData(
      await api.accounts.POST("/api/v1/accounts/me/carbon-account", {
        body: { consent: { policy_version: current.version } },
      }),
    );
    return new Citizen(opened.account_no, code, api);
  }

  async bind(partnerId: string): Promise<{ id: string; status: string }> {
    const body = { partner_id: partnerId, mode: "account_no" } as const;
    const binding = expectData(await this.api.accounts.POST("/api/v1/accounts/me/bindings", { body }));
    return { id: binding.binding_id, status: binding.status };
  }

  /** Unbinding needs a step-up: the first try is refused, a fresh code of WeChat opens the next five minutes. */
  async unbind(bindingId: string): Promise<{ refused: string; status: number }> {
    const path = { binding_id: bindingId };
    const end = () => this.api.accounts.DELETE("/api/v1/accounts/me/bindings/{binding_id}", { params: { path } });
    const refused = expectProblem(await end()).code;
    const body = { code: this.code }; // the fake WeChat takes it again; a real one wants a new code of wx.login
    const confirmed = await this.api.accounts.POST("/api/v1/accounts/sessions/step-up", { body });
    if (confirmed.response.status !== 204) throw new Error("not confirmed");
    return { refused, status: (await end()).response.status };
  }

  async balanceMg(): Promise<number> {
    return expectData(await this.api.accounting.GET("/api/v1/accounting/me/balance")).available_mg;
  }

  async waitForCredits(count: number): Promise<Activity[]> {
    for (let left = 120; left > 0; left -= 1) {
      const query = { status: "credited", limit: 20 } as const;
      const page = expectData(await this.api.accounting.GET("/api/v1/accounting/me/activities", { params: { query } }));
      if (page.items.length >= count) return page.items;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error("not credited within a minute");
  }

  async explanation(activityId: string): Promise<Detail> {
    const path = { activity_id: activityId };
    return expectData(await this.api.accounting.GET("/api/v1/accounting/me/activities/{activity_id}", { params: { path } }));
  }

  async entries(): Promise<number> {
    const page = expectData(await this.api.accounting.GET("/api/v1/accounting/me/entries"));
    if (page.has_more !== (page.next_cursor !== null)) throw new Error("has_more and next_cursor differ");
    return page.items.length;
  }

  /** Order, and send the same request again: one order, the same answer. */
  async orderTwice(itemId: string): Promise<{ status: string; replayed: boolean }> {
    const key = newIdempotencyKey();
    const body = { item_id: itemId, quantity: 1, client_request_id: randomUUID() };
    const order = () => this.api.rewards.POST("/api/v1/rewards/orders", { params: { header: key }, body });
    const first = expectData(await order());
    const again = await order();
    if (expectData(again).order_id !== first.order_id) throw new Error("a repeat made a second order");
    return { status: first.status, replayed: again.response.headers.get("Idempotent-Replayed") === "true" };
  }

  async orderTooMuch(itemId: string): Promise<string> {
    const body = { item_id: itemId, quantity: 1, client_request_id: randomUUID() };
    const answer = await this.api.rewards.POST("/api/v1/rewards/orders", {
      params: { header: { ...newIdempotencyKey(), "Accept-Language": "en" } },
      body,
    });
    const problem = expectProblem(answer);
    switch (problem.code) {
      case "INSUFFICIENT_BALANCE":
      case "SOLD_OUT":
      case "LIMIT_REACHED":
      case "BUDGET_EXHAUSTED":
      case "SALE_CLOSED":
        return problem.code; // final: a person reads problem.detail
      default:
        throw new Error(`not one of the refusals of an order: ${problem.code}`);
    }
  }

  async donate(amountMg: number): Promise<{ status: string; certificateNo: string | null }> {
    const campaigns = expectData(await this.api.rewards.GET("/api/v1/rewards/campaigns"));
    const open = campaigns.items[0];
    if (open === undefined) throw new Error("no campaign");
    const donation = expectData(
      await this.api.rewards.POST("/api/v1/rewards/campaigns/{campaign_id}/donations", {
        params: { path: { campaign_id: open.campaign_id }, header: newIdempotencyKey() },
        body: { amount_mg: amountMg },
      }),
    );
    return { status: donation.status, certificateNo: donation.certificate?.certificate_no ?? null };
  }

  /** The codes of an operation are a closed type: the compiler demands a branch for each. */
  async readForeignOrder(): Promise<string> {
    const path = { order_id: "019aadf0-6b00-7000-8000-000000000001" };
    const { code } = expectProblem(await this.api.rewards.GET("/api/v1/rewards/orders/{order_id}", { params: { path } }));
    switch (code) {
      case "ORDER_NOT_FOUND":
      case "UNAUTHENTICATED":
      case "FORBIDDEN":
      case "INVALID_REQUEST":
      case "MALFORMED_REQUEST":
      case "HEADERS_TOO_LARGE":
      case "TOO_MANY_REQUESTS":
      case "INTERNAL_ERROR":
      case "UNAVAILABLE":
      case "UPSTREAM_UNAVAILABLE":
      case "UPSTREAM_TIMEOUT":
        return code;
      default:
        return neverHere(code);
    }
  }

  async logOut(): Promise<number> {
    return (await this.api.accounts.DELETE("/api/v1/accounts/sessions/current")).response.status;
  }
}

/** A log-in with a code that WeChat refuses. */
export async function refusedLogIn(credentials: Credentials): Promise<string> {
  const { accounts } = platform(credentials.gateway_url);
  const answer = await accounts.POST("/api/v1/accounts/sessions", { body: { code: "dev-error:40029" } });
  return expectProblem(answer).code;
}
