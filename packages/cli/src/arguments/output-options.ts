/** Options about output, the same for every command that has them. */
export const jsonOption = { help: "print the answer as JSON" } as const;
export const quietOption = { short: "q", help: "say nothing about progress" } as const;
export const idsOption = { short: "q", help: "print ids only" } as const;
