/** What a name or the beginning of an id may be, apart from the schemas: a short command is over before those are made. */
export const MAX_REF_CHARACTERS = 63;
