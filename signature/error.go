package signature

import (
	"errors"

	"github.com/darihook/darihook/contract"
)

// Error is a rule that a request breaks: the answer "no", as against the failure to answer. Two of them are the same to
// [errors.Is] when they have the same Code.
//
// The errors that this package returns are made in advance and shared, so that a refusal costs no memory; they must not
// be changed.
type Error struct {
	// Code is the reason, stable and machine-readable.
	Code contract.Code
	// Clause is the rule that the request breaks.
	Clause contract.ClauseID
	// Err says more precisely what is wrong, where there is more to say. It never depends on a secret.
	Err error
}

// Error returns the code, the clause and the cause, as in
// "signature_malformed (SIG-010): more than 16 signatures".
func (e *Error) Error() string {
	text := string(e.Code) + " (" + string(e.Clause) + ")"
	if e.Err == nil {
		return text
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether the target is an [*Error] with the same Code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// The errors that requests are refused with, one for each code, to be used with [errors.Is]. What a function returns has
// the same code and may say more.
var (
	ErrMissing            error = refuse(contract.CodeSignatureMissing, "", "")
	ErrAmbiguous          error = refuse(contract.CodeSignatureAmbiguous, "", "")
	ErrMalformed          error = refuse(contract.CodeSignatureMalformed, "", "")
	ErrMismatch           error = refuse(contract.CodeSignatureMismatch, "", "")
	ErrTimestampMissing   error = refuse(contract.CodeTimestampMissing, "", "")
	ErrTimestampMalformed error = refuse(contract.CodeTimestampMalformed, "", "")
	ErrStale              error = refuse(contract.CodeTimestampStale, "", "")
	ErrFuture             error = refuse(contract.CodeTimestampFuture, "", "")
	ErrIDMissing          error = refuse(contract.CodeIDMissing, "", "")
	ErrIDMismatch         error = refuse(contract.CodeIDMismatch, "", "")
)

// The refusals with their causes, in the order in which a request is judged.
var (
	errNoHeader       = refuse(contract.CodeSignatureMissing, "", "the signature header is absent")
	errEmptyHeader    = refuse(contract.CodeSignatureMissing, "", "the signature header is empty")
	errNoVersion      = refuse(contract.CodeSignatureMissing, "", "the signature header holds no value of the scheme's tag")
	errTwoHeaders     = refuse(contract.CodeSignatureAmbiguous, "", "the signature header is given more than once")
	errTwoTimestamps  = refuse(contract.CodeSignatureAmbiguous, "", "the timestamp is given more than once")
	errTimestampsVary = refuse(contract.CodeSignatureAmbiguous, "TIME-006", "the two timestamps differ")
	errTooLong        = refuse(contract.CodeSignatureMalformed, "SIG-010", "the signature header is longer than 4096 bytes")
	errTooMany        = refuse(contract.CodeSignatureMalformed, "SIG-010", "more than 16 signatures")
	errGrammar        = refuse(contract.CodeSignatureMalformed, "", "the signature header is not a list of tagged values")
	errEncoding       = refuse(contract.CodeSignatureMalformed, "", "a signature is not written in the scheme's encoding or has another length")
	errNoTimestamp    = refuse(contract.CodeTimestampMissing, "", "the request carries no timestamp")
	errNotSeconds     = refuse(contract.CodeTimestampMalformed, "", "the timestamp is not a whole number of seconds in decimal digits")
	errNoID           = refuse(contract.CodeIDMissing, "", "the id header is absent")
	errBadID          = refuse(contract.CodeIDMissing, "", "the id header is not 1 to 255 visible characters without the template's separator")
	errTwoIDs         = refuse(contract.CodeIDMismatch, "", "the id header is given more than once")
	errStale          = refuse(contract.CodeTimestampStale, "", "the timestamp is further in the past than the window reaches")
	errFuture         = refuse(contract.CodeTimestampFuture, "", "the timestamp is further in the future than the window reaches")
	errMismatch       = refuse(contract.CodeSignatureMismatch, "", "no signature belongs to these bytes under any of the secrets")
)

// refuse returns the error of a code. Without a clause it names the code's own (see [contract.RefusalFor]).
func refuse(code contract.Code, clause contract.ClauseID, cause string) *Error {
	refusal, ok := contract.RefusalFor(code)
	if !ok {
		panic("signature: unknown refusal code " + string(code))
	}
	e := &Error{Code: code, Clause: clause}
	if clause == "" {
		e.Clause = refusal.Clause
	}
	if cause != "" {
		e.Err = errors.New(cause)
	}
	return e
}
