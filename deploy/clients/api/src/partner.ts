// A partner's day: push signed events, read the receipt and each event's fate, reconcile the day.

import { randomUUID } from "node:crypto";
import { expectData, expectProblem, platform, type Platform } from "./client.js";
import { partnerOf, type Credentials, type Partner } from "./credentials.js";
import { signedBy } from "./cp1.js";
import type { components as Ingest } from "./types/ingest.js";

const BATCH = { "Content-Type": "application/cloudevents-batch+json" };
const ONE = { "Content-Type": "application/cloudevents+json" };

export class RecyclingPartner {
  private readonly api: Platform;
  private readonly partner: Partner;

  constructor(credentials: Credentials) {
    this.partner = partnerOf(credentials, "recycle");
    this.api = platform(
      credentials.gateway_url,
      signedBy({ appKey: this.partner.app_key, secret: this.partner.secret }),
    );
  }

  async pushDeposits(accountNo: string, count: number): Promise<{ receiptId: string; ids: string[] }> {
    const events = Array.from({ length: count }, () => this.deposit(accountNo, 2000));
    const data = expectData(await this.api.ingest.POST("/api/v1/ingest/events", { headers: BATCH, body: events }));
    if (data.receipt_id === null || data.accepted !== count) throw new Error(JSON.stringify(data));
    return { receiptId: data.receipt_id, ids: events.map((event) => event.id) };
  }

  async pushWrongWeight(accountNo: string): Promise<string> {
    const event = this.deposit(accountNo, -1);
    return expectProblem(await this.api.ingest.POST("/api/v1/ingest/events", { headers: ONE, body: event })).code;
  }

  async receipt(receiptId: string): Promise<Ingest["schemas"]["Receipt"]> {
    const path = { receipt_id: receiptId };
    return expectData(await this.api.ingest.GET("/api/v1/ingest/receipts/{receipt_id}", { params: { path } }));
  }

  /** The fate of an event, once it is judged. */
  async statusOf(eventId: string): Promise<string> {
    for (let left = 120; left > 0; left -= 1) {
      const path = { event_id: eventId };
      const found = expectData(await this.api.ingest.GET("/api/v1/ingest/events/{event_id}", { params: { path } }));
      if (found.status !== "received") return found.status;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error("not judged within a minute");
  }

  async reconciledDay(): Promise<Ingest["schemas"]["PartnerDay"]> {
    const date = shanghaiNow().slice(0, 10);
    return expectData(await this.api.ingest.GET("/api/v1/ingest/reconciliation", { params: { query: { date } } }));
  }

  private deposit(accountNo: string, weightG: number) {
    const at = shanghaiNow();
    return {
      specversion: "1.0" as const,
      id: `day-${randomUUID()}`,
      source: this.partner.source,
      type: "cn.carboninclusion.recycling.deposited.v1" as const,
      time: at,
      data: {
        account_ref: { type: "account_no" as const, value: accountNo },
        deposit_id: randomUUID(),
        material: "paper" as const,
        weight_g: weightG,
        machine_ref: "day-machine",
        occurred_at: at,
        city_code: "420100",
      },
    };
  }
}

/** RFC 3339 with the offset of Shanghai. */
function shanghaiNow(): string {
  return new Date(Date.now() + 8 * 3_600_000).toISOString().replace("Z", "+08:00");
}
