#ifndef TEST_FUZZ_SANDBOX_H
#define TEST_FUZZ_SANDBOX_H

#define SANDBOX_MISSING 77 // exit status where the host does not allow one

#include <stdbool.h>

// Goes on in a child that is in the sandbox; the caller stays behind and ends as that does. `keep_directory`: the working directory is in it, too,
// and is the one that may be written to from there: it had better be one for that.
void sandbox_enter(bool keep_directory);
// Ends what an input has left, and makes the file system as it was.
void sandbox_clean(void);

#endif
