/*
 * The deduplication protocol of the gate, for one delivery: two gates over one store, two copies of the delivery whose
 * sender retries each until it is told 2xx, a forger who knows the id and not the secret, and a receiver that fails.
 * README.md explains the states, the assumptions, and what each property says about the code.
 *
 * Each bug below is one definition (-D...), and breaks a property named beside it in model_test.go.
 *
 *   RELEASE_UNCHECKED    a release does not ask whose the claim is
 *   ORPHAN_RECLAIMED     a gate that starts drops the claims that it finds, as left over
 *   LEASE_TOO_SHORT      a claim is not renewed while the receiver works
 *   ACK_BEFORE_OUTCOME   a copy that meets a claim is told 2xx at once
 *   BURNED_UNVERIFIED    an id is remembered before the signature is checked
 *   KEPT_AFTER_FAILURE   an id stays remembered although the receiver failed
 *   OUTCOME_DROPPED      an outcome that the store does not take at once is given up
 *   LEASE_ENDLESS        a claim does not run out when its owner is gone
 *   LATE_REFUSED         an outcome that comes after the end of its lease is refused, though nobody has taken over
 *   ORPHAN_LEFT          a claim whose answer was lost is left to its lease, which outlasts the sender
 */

/* How often each fault may happen. Small numbers suffice: a fault that cannot hurt once does not hurt thrice. */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef FAILURES
#define FAILURES 1
#endif
#ifndef HANGUPS
#define HANGUPS 1
#endif
#ifndef FORGERIES
#define FORGERIES 1
#endif

#define GATES  2
#define COPIES 2
#define NOBODY 255

/* A claim's token. A gate works under one claim at a time; what it offers or releases in the background has its own. */
#define PENDING(g) (g + GATES)
#define ORPHAN(g)  (g + 2 * GATES)

mtype:store = { absent, inFlight, done };
mtype:step = { idle, claim, waiting, forward, commit, release };
mtype:answer = { none, ok, failed };

/* The store: the key's state and who owns the claim. Each atomic step below that touches them is one script. */
mtype:store state = absent;
byte owner = NOBODY;

/* The gates: what each is doing, and for whom. A cut gate cannot reach the store: it is paused, or the network is. */
mtype:step at[GATES] = idle;
byte caller[GATES] = NOBODY; /* the copy that waits for the answer; nobody after a hang-up */
bool cut[GATES];
bool pending[GATES];         /* an outcome that the store has not taken yet; the gate may work on other copies meanwhile */
bool orphaned[GATES];        /* a claim without work that the store has not released yet: its answer, or its release, was lost */
bool sent[GATES];            /* a claim on its way, whose gate waits no more: a paused store makes it when it goes on */

/* The senders: which gate each copy was sent to, the answer, and whether it was 2xx. */
byte sentTo[COPIES] = NOBODY;
mtype:answer answered[COPIES] = none;
bool acked[COPIES];

/* What the properties speak of; the protocol never reads it. */
bool owns[GATES];    /* the gate works under a claim that it has not ended, nor lost through being cut or killed */
byte successes;      /* how often the receiver has processed the delivery */
bool late[GATES];    /* the gate's lease has run out under its work, or before the store took its outcome */
bool excused;        /* a gate was killed between forwarding and commit, or another took over while it was late */

byte crashes = CRASHES;
byte cuts = CUTS;
byte failures = FAILURES;
byte hangups = HANGUPS;
byte forgeries = FORGERIES;

/* The gate is through with its request: whoever still waits gets the answer. */
inline finish(g, a) {
	if
	:: caller[g] != NOBODY -> answered[caller[g]] = a
	:: else
	fi;
	caller[g] = NOBODY;
	at[g] = idle
}

inline end(g, next) {
	state = next;
	owner = NOBODY;
	owns[g] = false
}

/* Nobody is to work on a delivery whose gate is late: it may have succeeded there. */
inline takeOver(token) {
	if
	:: late[0] || late[1] -> excused = true
	:: else
	fi;
	state = inFlight;
	owner = token
}

inline succeed() {
	if
	:: successes < 2 -> successes++ /* two is already too many */
	:: else
	fi
}

#define mine(token) (state == inFlight && owner == token)

/* The store takes an outcome from the claim's owner, and from a late one if nobody has taken over. */
inline record(token) {
	if
	:: mine(token) -> end(token % GATES, done)
#ifndef LATE_REFUSED
	:: state == absent -> end(token % GATES, done)
#endif
	:: else
	fi
}

proctype Gate(byte g) {
	byte c;
endGate:
	do
	/* A genuine request: its signature passes. */
	:: atomic { at[g] == idle && sentTo[0] == g -> c = 0; goto take }
	:: atomic { at[g] == idle && sentTo[1] == g -> c = 1;
take:		sentTo[c] = NOBODY;
		caller[g] = c;
		at[g] = claim;
		c = 0
	   }
	/* A forged one is refused, and must leave nothing behind. */
	:: atomic { at[g] == idle && forgeries > 0 -> forgeries--;
#ifdef BURNED_UNVERIFIED
		if
		:: state == absent -> state = done
		:: else
		fi
#endif
	   }

	/* The gate knows of the success, whatever the store says. */
	:: atomic { at[g] == claim && pending[g] -> finish(g, ok) }

	/* Claim: one script, so looking and taking are one step. */
	:: atomic { at[g] == claim && !pending[g] && !cut[g] && state == absent -> takeOver(g); owns[g] = true; at[g] = forward }
	:: atomic { at[g] == claim && !pending[g] && !cut[g] && state == inFlight ->
#ifdef ACK_BEFORE_OUTCOME
		finish(g, ok)
#else
		at[g] = waiting
#endif
	   }
	:: atomic { at[g] == claim && !pending[g] && !cut[g] && state == done -> finish(g, ok) }
	:: atomic { at[g] == claim && !pending[g] && cut[g] -> finish(g, failed) /* 503 */ }
	:: atomic { at[g] == claim && !pending[g] && !cut[g] && cuts > 0 && !orphaned[g] -> /* cut off before the answer: 503 */
		cuts--;
		cut[g] = true;
		sent[g] = true;
		orphaned[g] = true;
		finish(g, failed)
	   }

	/* Wait for the outcome, and look again; past the wait, 409. */
	:: atomic { at[g] == waiting && state != inFlight -> at[g] = claim }
	:: atomic { at[g] == waiting -> finish(g, failed) }

	/* The receiver. */
	:: atomic { at[g] == forward -> succeed(); at[g] = commit }
	:: atomic { at[g] == forward && failures > 0 -> failures--; at[g] = release }

	/* Commit. The receiver has succeeded: the answer is 2xx whatever the store says. */
	:: atomic { at[g] == commit && !cut[g] -> record(g); owns[g] = false; late[g] = false; finish(g, ok) }
	:: atomic { at[g] == commit && cut[g] ->
		owns[g] = false;
#ifdef OUTCOME_DROPPED
		late[g] = false;
#else
		pending[g] = true;
		if
		:: mine(g) -> owner = PENDING(g)
		:: else
		fi;
#endif
		finish(g, ok)
	   }

	/* Release. */
	:: atomic { at[g] == release && !cut[g] ->
#if defined(RELEASE_UNCHECKED)
		end(g, absent);
#elif defined(KEPT_AFTER_FAILURE)
		end(g, done);
#else
		if
		:: mine(g) -> end(g, absent)
		:: else
		fi;
#endif
		owns[g] = false;
		late[g] = false;
		finish(g, failed)
	   }
	:: atomic { at[g] == release && cut[g] ->
		if
		:: mine(g) -> owner = ORPHAN(g); orphaned[g] = true
		:: else
		fi;
		owns[g] = false;
		late[g] = false;
		finish(g, failed)
	   }
	od
}

/* What the gates do in the background: the store is offered an outcome again, and asked to release what nobody works under.
 * A claim on its way comes before the release that was sent after it. */
inline background(g) {
	if
	:: atomic { pending[g] && !cut[g] -> pending[g] = false; late[g] = false; record(PENDING(g)) }
#ifndef ORPHAN_LEFT
	:: atomic { orphaned[g] && !sent[g] && !cut[g] -> orphaned[g] = false;
		if
		:: mine(ORPHAN(g)) -> state = absent; owner = NOBODY
		:: else
		fi
	   }
#endif
	:: atomic { sent[g] -> sent[g] = false;
		if
		:: state == absent && orphaned[g] -> takeOver(ORPHAN(g))
		:: state == absent && !orphaned[g] -> takeOver(NOBODY) /* of a gate that was killed */
		:: else
		fi
	   }
	:: atomic { sent[g] -> sent[g] = false /* it never comes */ }
	fi
}

proctype Background() {
endBackground:
	do
	:: background(0)
	:: background(1)
	od
}

/* A copy is sent to either gate until it is acknowledged. */
proctype Copy(byte c) {
	do
	:: acked[c] -> break
	:: atomic { !acked[c] && answered[c] == ok -> answered[c] = none; acked[c] = true }
	:: atomic { !acked[c] && answered[c] == failed -> answered[c] = none; goto send }
	:: atomic { hangups > 0 && caller[0] == c -> hangups--; caller[0] = NOBODY; goto send }
	:: atomic { hangups > 0 && caller[1] == c -> hangups--; caller[1] = NOBODY;
send:		if
		:: sentTo[c] = 0
		:: sentTo[c] = 1
		fi
	   }
	od
}

inline lapse(g) {
	atomic {
		mine(g) && (!owns[g] || cut[g]) || mine(PENDING(g)) && cut[g] || mine(ORPHAN(g)) && cut[g] ->
		late[g] = owner != ORPHAN(g) && (owns[g] || pending[g]) || late[g];
		owns[g] = false;
		state = absent;
		owner = NOBODY
	}
}

/* The server ends a lease whose owner does not renew it: one that is dead, has given up, or is cut off. */
proctype Leases() {
endLeases:
	do
#if defined(LEASE_ENDLESS)
	:: false
#elif defined(LEASE_TOO_SHORT)
	:: atomic { state == inFlight -> state = absent; owner = NOBODY }
#else
	:: atomic { state == inFlight && owner == NOBODY -> state = absent }
	:: lapse(0)
	:: lapse(1)
#endif
	od
}

/* A killed gate loses everything but what the store has; its callers see a reset, and it is started again. What it had
 * forwarded may succeed all the same. */
inline crash(g) {
	atomic {
		crashes > 0 && (at[g] != idle || pending[g] || orphaned[g]) -> crashes--;
		if
		:: pending[g] -> pending[g] = false; excused = true
		:: else
		fi;
		if
		:: at[g] == forward -> succeed(); excused = true
		:: at[g] == forward
		:: at[g] == commit -> excused = true
		:: at[g] != forward && at[g] != commit
		fi;
		owns[g] = false;
		orphaned[g] = false;
		late[g] = false;
		if
		:: mine(g) || mine(PENDING(g)) || mine(ORPHAN(g)) -> owner = NOBODY
		:: else
		fi;
		finish(g, failed);
#ifdef ORPHAN_RECLAIMED
		if
		:: state == inFlight -> state = absent; owner = NOBODY
		:: else
		fi
#endif
	}
}

proctype Faults() {
	do
	:: crash(0)
	:: crash(1)
	:: atomic { cuts > 0 -> cuts--; cut[0] = true }
	:: atomic { cuts > 0 -> cuts--; cut[1] = true }
	:: break
	od
}

/* No cut lasts for ever. */
proctype Repair() {
endRepair:
	do
	:: cut[0] -> cut[0] = false
	:: cut[1] -> cut[1] = false
	od
}

init {
	atomic {
		answered[0] = failed; /* not yet sent: as good as refused */
		answered[1] = failed;
		run Gate(0); run Gate(1);
		run Copy(0); run Copy(1);
		run Background();
		run Leases();
		run Faults();
		run Repair()
	}
}

/* Safety. */
ltl one_owner      { [] !(owns[0] && owns[1]) }
ltl done_is_true   { [] (state == done -> successes > 0) }
ltl ack_is_true    { [] ((acked[0] || acked[1]) -> successes > 0) }
ltl once           { [] (successes <= 1 || excused) }

/* Does not hold: the excuse above is needed. */
ltl never_twice    { [] (successes <= 1) }

/* All of them at once, for searches that are larger. */
ltl safe           { [] (!(owns[0] && owns[1]) && (state == done -> successes > 0) &&
                         ((acked[0] || acked[1]) -> successes > 0) && (successes <= 1 || excused)) }

/* Liveness, under weak fairness: every process that can go on does. */
ltl never_lost     { <> (successes > 0) }
ltl every_ack      { <> (acked[0] && acked[1]) }
ltl no_stuck_claim { [] (state == inFlight -> <> (state != inFlight)) }
