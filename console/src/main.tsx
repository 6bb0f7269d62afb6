import { QueryClientProvider } from "@tanstack/preact-query";
import { render } from "preact";

import { queryClient } from "./api/query_client";
import { Shell } from "./shell";
import "./styles/tokens.css";
import "./styles/elements.css";
import "./styles/layout.css";

const root = document.getElementById("app");
if (root) {
  render(
    <QueryClientProvider client={queryClient}>
      <Shell />
    </QueryClientProvider>,
    root,
  );
}
