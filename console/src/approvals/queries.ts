/** The calls that wait for the user's decision. */
import { infiniteQueryOptions } from "@tanstack/preact-query";

import { api, type Schemas, unwrap } from "../api/client";
import { formatJson, parseExactly } from "../api/exact_json";
import { every } from "../api/query_client";

export interface Approval extends Omit<Schemas["DecidableApproval"], "input"> {
  /** Unique among all approvals. */
  key: string;
  /** The input as JSON, with each number as the API has written it. */
  inputText: string;
}

interface ApprovalPage {
  approvals: Approval[];
  nextCursor?: string;
}

const INBOX_MS = 2_000;

export function approvalList() {
  return infiniteQueryOptions({
    queryKey: ["approvals"],
    queryFn: async ({ pageParam, signal }): Promise<ApprovalPage> => {
      const query = pageParam ? { cursor: pageParam } : {};
      const text = await unwrap(api.GET("/api/approvals", { params: { query }, signal, parseAs: "text" }));
      const { approvals, nextCursor } = parseExactly(text) as Schemas["ApprovalList"];
      return { approvals: approvals.map(describe), nextCursor };
    },
    initialPageParam: "",
    getNextPageParam: (page) => page.nextCursor,
    refetchInterval: every(INBOX_MS),
  });
}

function describe({ input, ...approval }: Schemas["DecidableApproval"]): Approval {
  return { ...approval, key: `${approval.promptId} ${approval.toolCallId}`, inputText: formatJson(input) };
}
