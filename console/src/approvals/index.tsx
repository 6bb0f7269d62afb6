import { Empty } from "../components/notes";

export default function ApprovalsScreen() {
  return (
    <>
      <h1 tabIndex={-1}>Approvals</h1>
      <Empty>This screen is not there yet.</Empty>
    </>
  );
}
