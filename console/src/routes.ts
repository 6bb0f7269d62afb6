/** The screens. Each is a module of its own that is loaded when it is first opened; its default export is the screen. */
import type { ComponentType } from "preact";

export interface ScreenProps {
  /** What the address names after the screen, for example an id. */
  argument: string;
}

export interface Route {
  title: string;
  needs: "services" | "agent";
  /** Whether the navigation has it. */
  inNavigation: boolean;
  load: () => Promise<{ default: ComponentType<ScreenProps> }>;
}

export const ROUTES: Record<string, Route> = {
  operations: { title: "Operations", needs: "services", inNavigation: true, load: () => import("./operations") },
  fleet: { title: "Fleet", needs: "services", inNavigation: true, load: () => import("./fleet") },
  instances: { title: "Instance", needs: "services", inNavigation: false, load: () => import("./instance") },
  create: { title: "Create", needs: "services", inNavigation: false, load: () => import("./create") },
  orphans: { title: "Leaks and orphans", needs: "services", inNavigation: true, load: () => import("./orphans") },
  prompts: { title: "Prompts", needs: "agent", inNavigation: true, load: () => import("./prompts") },
  approvals: { title: "Approvals", needs: "agent", inNavigation: true, load: () => import("./approvals") },
  health: { title: "Health", needs: "services", inNavigation: true, load: () => import("./health") },
};
