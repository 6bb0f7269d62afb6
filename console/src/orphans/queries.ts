/** Reading what the reconciler has decided about resources that nothing here knows. */
import { infiniteQueryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { every } from "../api/query_client";

export type Orphan = Schemas["Orphan"];

export const PROVIDERS = ["railway", "openrouter", "agentmail", "telnyx"] as const;
export const DECISIONS = ["watched", "reported", "deleted", "failed", "postponed", "refused", "resolved"] as const;

export interface OrphanFilter {
  provider: string;
  decision: string;
}

const LIST_MS = 10_000;

export function orphanList({ provider, decision }: OrphanFilter) {
  return infiniteQueryOptions({
    queryKey: ["orphans", { provider, decision }],
    queryFn: ({ pageParam, signal }) => {
      const query = {
        ...(provider && { provider: provider as Orphan["provider"] }),
        ...(decision && { decision: decision as Orphan["decision"] }),
        ...(pageParam && { cursor: pageParam }),
      };
      return unwrap(api.GET("/orphans", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: every(LIST_MS),
  });
}
