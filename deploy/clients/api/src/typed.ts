// What the compiler must refuse. Each of these lines has an error, or `tsc` fails.

import { expectProblem, newIdempotencyKey, type Platform } from "./client.js";

export async function refusedByTheCompiler({ rewards, accounts }: Platform): Promise<void> {
  const body = { item_id: "reganmian", quantity: 1, client_request_id: "1" };
  // @ts-expect-error an order needs an Idempotency-Key
  await rewards.POST("/api/v1/rewards/orders", { body });

  const answer = await rewards.POST("/api/v1/rewards/orders", { params: { header: newIdempotencyKey() }, body });
  const problem = expectProblem(answer);
  // @ts-expect-error no order is answered with this code
  if (problem.code === "PHONE_TAKEN") throw new Error(problem.detail);

  // @ts-expect-error an order has no such status
  if (answer.data?.status === "lost") throw new Error("lost");

  // @ts-expect-error the mode is one of a closed set
  await accounts.POST("/api/v1/accounts/me/bindings", { body: { partner_id: "recycle", mode: "magic" } });
}
