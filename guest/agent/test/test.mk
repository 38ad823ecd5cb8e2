# How the tests are built and run; included by the Makefile.

SUPPORT  := $(patsubst $(HERE)/%,%,$(sort $(wildcard $(HERE)/test/support/*.c)))
PROGRAMS := $(TESTS:test/%.c=$(OUT)/agent/test-%)

$(PROGRAMS): $(OUT)/agent/test-%: $(OUT)/agent/asan/test/%.o $(SUPPORT:%.c=$(OUT)/agent/asan/%.o) $(CORE:%.c=$(OUT)/agent/asan/%.o)
	gcc $(SANITIZE) -o $@ $^

# The fuzz target has every verb, in a sandbox; one of them may be an echo instead.
FUZZED   := $(filter-out src/init/%,$(CORE)) test/fuzz_sandbox.c
IN_SANDBOX := -Wl,--wrap=sync,--wrap=forward_verb
CORPUS   := $(HERE)/test/corpus

$(OUT)/agent/fuzz-smoke: $(OUT)/agent/asan/test/fuzz.o $(OUT)/agent/asan/test/fuzz_main.o $(FUZZED:%.c=$(OUT)/agent/asan/%.o)
	gcc $(SANITIZE) $(IN_SANDBOX) -o $@ $^

$(OUT)/agent/fuzz-agent: $(OUT)/agent/fuzz/test/fuzz.o $(FUZZED:%.c=$(OUT)/agent/fuzz/%.o)
	clang $(SANITIZE) $(IN_SANDBOX) -fsanitize=fuzzer -o $@ $^

fuzz: $(OUT)/agent/fuzz-agent
	@mkdir -p $(OUT)/agent/fuzzing/corpus && cp $(CORPUS)/* $(OUT)/agent/fuzzing/corpus
	cd $(OUT)/agent/fuzzing && ../fuzz-agent -max_total_time=30 -max_len=4096 -print_final_stats=1 corpus

# The programs drive the sanitized agent; one goes through the shipped binary.
# The agent is root in its machine, so it is root here: an ordinary user's own, in a namespace.
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || echo unshare --map-root-user --map-auto --mount --)

test: $(PROGRAMS) $(OUT)/agent/fuzz-smoke $(OUT)/banger-agent-asan $(OUT)/banger-agent
	@for program in $(PROGRAMS); do \
		echo "  $${program##*/}"; \
		AGENT=$(OUT)/banger-agent-asan AGENT_SHIPPED=$(OUT)/banger-agent GOLDEN=$(ROOT)/packages/contract/src/guest/golden \
			timeout 60 $(AS_ROOT) $$program || exit 1; \
	done
	@echo "  fuzz-smoke"; timeout 60 $(OUT)/agent/fuzz-smoke $(CORPUS) 5 || \
		{ [ $$? = 77 ] && [ -z "$$REQUIRE_VM" ] && echo "  fuzz-smoke: left out, there are no namespaces for it"; }
	@if command -v python3 >/dev/null; then python3 $(HERE)/test/golden/generate.py $(ROOT)/packages/contract/src/guest/golden --check || { echo "the golden bytes differ from generate.py"; exit 1; }; \
	else echo "  golden bytes not regenerated: no python3"; [ -z "$$REQUIRE_VM" ]; fi
