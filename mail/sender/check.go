package sender

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"

	"github.com/emersion/go-msgauth/dmarc"

	"github.com/docuflow/docuflow/domain"
)

// Resolver asks the DNS. *net.Resolver is one.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

// Checker checks senders. It is safe for concurrent use.
type Checker struct {
	resolver Resolver
	timeout  time.Duration
}

// New makes a checker. timeout is for all checks of one mail together.
func New(resolver Resolver, timeout time.Duration) *Checker {
	return &Checker{resolver: resolver, timeout: timeout}
}

// Check computes the verdict on a mail. author is the address in its From
// field, empty when that does not name exactly one: then nobody's domain can
// vouch for the mail. open reads the raw mail from its beginning, as it arrived, and may
// be called several times.
func (c *Checker) Check(ctx context.Context, envelope domain.Envelope, author string, open func() (io.ReadCloser, error)) domain.Verdict {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	signatures, err := c.signatures(ctx, open)
	from := authorDomain(author)
	verdict := domain.Verdict{SPF: c.spf(ctx, envelope), DKIM: best(signatures, err, from)}
	c.dmarc(ctx, &verdict, from, signatures)
	if envelope.HandedOver && verdict.DMARC.Result == domain.CheckFail {
		verdict.DMARC = domain.Check{Result: domain.CheckNone, Domain: from, Detail: "no signature passed for " + from + ", and its server is not known here"}
	}
	return verdict
}

// authorDomain is an author's domain in the DNS's own form, empty when there is none.
func authorDomain(author string) string {
	if !strings.Contains(author, "@") {
		return ""
	}
	host, err := idna.Lookup.ToASCII(hostOf(author))
	if err != nil {
		return ""
	}
	return host
}

func hostOf(address string) string {
	return strings.ToLower(strings.TrimSuffix(address[strings.LastIndex(address, "@")+1:], "."))
}

// spf checks the connection: may this client send for the envelope's domain?
func (c *Checker) spf(ctx context.Context, envelope domain.Envelope) domain.Check {
	ip := net.ParseIP(envelope.RemoteAddr)
	name := hostOf(envelope.From)
	if envelope.From == "" {
		name = strings.ToLower(envelope.Helo)
	}
	if envelope.HandedOver {
		return domain.Check{Result: domain.CheckNone, Domain: name, Detail: "another server took the mail and handed it over"}
	}
	if ip == nil || name == "" {
		return domain.Check{Result: domain.CheckNone, Domain: name}
	}
	result, err := spf.CheckHostWithSender(ip, envelope.Helo, envelope.From, spf.WithContext(ctx), spf.WithResolver(c.resolver))
	check := domain.Check{Result: domain.CheckResult(result), Domain: name}
	switch check.Result {
	case domain.CheckFail, domain.CheckSoftFail:
		check.Detail = fmt.Sprintf("%s may not send for %s", envelope.RemoteAddr, name)
	case domain.CheckTempError:
		check.Detail = "the DNS did not answer"
	case domain.CheckPermError:
		check.Detail = "the record of " + name + " is malformed"
	case domain.CheckPass:
		check.Detail = fmt.Sprintf("%s may send for %s", envelope.RemoteAddr, name)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && err != nil {
		check.Result, check.Detail = domain.CheckTempError, "the DNS did not answer in time"
	}
	return check
}

// dmarc asks what the author's domain wants, and compares.
func (c *Checker) dmarc(ctx context.Context, verdict *domain.Verdict, from string, signatures []signature) {
	if from == "" {
		verdict.DMARC = domain.Check{Result: domain.CheckPermError, Detail: "the mail does not name one author"}
		return
	}
	record, organization, err := c.policy(ctx, from)
	check := domain.Check{Domain: from}
	if err == nil {
		verdict.Asks = asks(record, organization)
	}
	spfStrict, dkimStrict := record != nil && record.SPFAlignment == dmarc.AlignmentStrict, record != nil && record.DKIMAlignment == dmarc.AlignmentStrict
	aligned := verdict.SPF.Result == domain.CheckPass && isAligned(verdict.SPF.Domain, from, spfStrict)
	waiting := verdict.SPF.Result == domain.CheckTempError && isAligned(verdict.SPF.Domain, from, spfStrict)
	for _, s := range signatures {
		aligned = aligned || s.result == domain.CheckPass && isAligned(s.domain, from, dkimStrict)
		waiting = waiting || s.result == domain.CheckTempError && isAligned(s.domain, from, dkimStrict)
	}
	verdict.Aligned = aligned
	switch {
	case errors.Is(err, dmarc.ErrNoPolicy):
		check.Result, check.Detail = domain.CheckNone, from+" publishes no policy"
	case isTemporary(err) || ctx.Err() != nil:
		check.Result, check.Detail = domain.CheckTempError, "the DNS did not answer"
	case err != nil:
		check.Result, check.Detail = domain.CheckPermError, "the policy of "+from+" is malformed"
	case aligned:
		check.Result = domain.CheckPass
	case waiting:
		check.Result, check.Detail = domain.CheckTempError, "the DNS did not answer"
	default:
		check.Result, check.Detail = domain.CheckFail, "neither check passed for "+from
	}
	verdict.DMARC = check
}

// policy reads the record of a domain, or that of its organization.
func (c *Checker) policy(ctx context.Context, from string) (record *dmarc.Record, organization bool, err error) {
	options := &dmarc.LookupOptions{LookupTXT: c.txt(ctx)}
	record, err = dmarc.LookupWithOptions(from, options)
	parent := organizationOf(from)
	if errors.Is(err, dmarc.ErrNoPolicy) && parent != from {
		record, err = dmarc.LookupWithOptions(parent, options)
		organization = true
	}
	return record, organization, err
}

// asks is what is to be done with mail that fails; subdomains may have a policy of their own.
func asks(record *dmarc.Record, organization bool) string {
	if organization && record.SubdomainPolicy != "" {
		return string(record.SubdomainPolicy)
	}
	return string(record.Policy)
}

// txt is LookupTXT for libraries that take no context.
func (c *Checker) txt(ctx context.Context) func(string) ([]string, error) {
	return func(name string) ([]string, error) {
		records, err := c.resolver.LookupTXT(ctx, name)
		if err != nil && ctx.Err() != nil {
			err = &net.DNSError{Err: ctx.Err().Error(), Name: name, IsTimeout: true, IsTemporary: true}
		}
		return records, err
	}
}

func isTemporary(err error) bool {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return true
	}
	return err != nil && (dmarc.IsTempFail(err) || strings.Contains(err.Error(), "failed to lookup"))
}

// isAligned compares a domain that passed a check with the author's. Unless
// the domain is strict about it, the organization counts.
func isAligned(name, from string, strict bool) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" {
		return false
	}
	return name == from || !strict && organizationOf(name) == organizationOf(from)
}

// organizationOf is the domain that somebody registered: example.co.uk.
func organizationOf(name string) string {
	organization, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return name
	}
	return organization
}
