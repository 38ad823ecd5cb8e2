/** Options about output, the same for every command that has them: `-q` leaves ids, refs or nothing of an answer. */
export const jsonOption = { help: "print the answer as JSON" } as const;
/** of commands whose answer is a name or an id anyway */
export const quietOption = { short: "q", help: "say nothing about progress" } as const;
export const idsOption = { short: "q", help: "print ids only" } as const;
export const idOption = { short: "q", help: "print the id only" } as const;
export const silentOption = { short: "q", help: "print nothing; the exit status tells" } as const;
