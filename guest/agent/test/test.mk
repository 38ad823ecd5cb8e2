# How the tests are built and run; included by the Makefile.

SUPPORT  := $(patsubst $(HERE)/%,%,$(sort $(wildcard $(HERE)/test/support/*.c)))
PROGRAMS := $(TESTS:test/%.c=$(OUT)/agent/test-%)

$(PROGRAMS): $(OUT)/agent/test-%: $(OUT)/agent/asan/test/%.o $(SUPPORT:%.c=$(OUT)/agent/asan/%.o) $(CORE:%.c=$(OUT)/agent/asan/%.o)
	gcc $(SANITIZE) -o $@ $^

# The programs drive the sanitized agent; one goes through the shipped binary.
test: $(PROGRAMS) $(OUT)/banger-agent-asan $(OUT)/banger-agent
	@for program in $(PROGRAMS); do \
		echo "  $${program##*/}"; \
		AGENT=$(OUT)/banger-agent-asan AGENT_SHIPPED=$(OUT)/banger-agent GOLDEN=$(ROOT)/packages/contract/src/guest/golden \
			timeout 60 $$program || exit 1; \
	done
