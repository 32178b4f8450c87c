// What a front end writes with the generated types. It is compiled, not run.
import type { paths } from "../../target/generated/openapi-typescript/schema";
import { createJob } from "../../target/generated/orval/client";

type Token = paths["/api/v1/auth/token"]["post"]["responses"]["200"]["content"]["application/json"];
type Patch = paths["/api/v1/users/{user_id}"]["patch"]["requestBody"]["content"]["application/json"];

export const emptied: Patch = { display_name: null };

export async function start(token: Token): Promise<number> {
  const made = await createJob(
    { spider_name: "auto", target_urls: ["https://homes.example/"] },
    { headers: { Authorization: `Bearer ${token.access_token}` } },
  );
  return made.status;
}
