// A typed client of the four services, generated from their OpenAPI documents.

import { randomUUID } from "node:crypto";
import createClient, { type Client, type Middleware } from "openapi-fetch";
import type { paths as AccountingPaths } from "./types/accounting.js";
import type { paths as AccountsPaths } from "./types/accounts.js";
import type { paths as IngestPaths } from "./types/ingest.js";
import type { paths as RewardsPaths } from "./types/rewards.js";

export interface Platform {
  readonly accounts: Client<AccountsPaths>;
  readonly ingest: Client<IngestPaths>;
  readonly accounting: Client<AccountingPaths>;
  readonly rewards: Client<RewardsPaths>;
}

/** The four services behind one gateway. `middleware` adds the credential of the caller. */
export function platform(gatewayUrl: string, ...middleware: Middleware[]): Platform {
  const options = { baseUrl: gatewayUrl };
  const clients = {
    accounts: createClient<AccountsPaths>(options),
    ingest: createClient<IngestPaths>(options),
    accounting: createClient<AccountingPaths>(options),
    rewards: createClient<RewardsPaths>(options),
  };
  for (const client of Object.values(clients)) client.use(...middleware);
  return clients;
}

/** Sends the token of a citizen or an operator. */
export function bearer(token: string): Middleware {
  return {
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  };
}

/** One key for one intent: keep it and send it again when an answer was lost. */
export function newIdempotencyKey(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": `client-${randomUUID()}` };
}

interface AnyProblem {
  code: string;
  status: number;
  detail: string;
  request_id: string | null;
}

/** The data of an answer. Throws with code and request id if it is a problem. */
export function expectData<T>(answer: { data?: T; error?: AnyProblem; response: Response }): T {
  if (answer.error !== undefined) {
    const { code, status, detail, request_id } = answer.error;
    throw new Error(`${answer.response.url}: ${status} ${code} ${detail} (${request_id})`);
  }
  if (answer.data === undefined) throw new Error(`${answer.response.url}: ${answer.response.status} without a body`);
  return answer.data;
}

/** The problem of an answer, with its codes as a type. Throws if there is none. */
export function expectProblem<E>(answer: { error?: E; response: Response }): E {
  if (answer.error === undefined) throw new Error(`${answer.response.url}: ${answer.response.status}, not refused`);
  return answer.error;
}

/** Makes the compiler check that every code was handled. */
export function neverHere(code: never): never {
  throw new Error(`unexpected code ${String(code)}`);
}
