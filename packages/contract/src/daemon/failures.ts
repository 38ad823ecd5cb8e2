/** Codes that many methods may answer with. */

/** a reference to a machine means nothing, or too much */
export const refFailures = ["VM_NOT_FOUND", "REF_AMBIGUOUS"] as const;

/** of what a running machine's guest is asked */
export const guestFailures = [
  ...refFailures,
  ...["VM_NOT_RUNNING", "VM_PAUSED", "VMM_DIED", "GUEST_REFUSED", "GUEST_SILENT", "GUEST_PROTOCOL"],
] as const;
