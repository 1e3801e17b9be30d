// Keys, certificates and tokens, which are made at the first start with a data folder and kept there.

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of files; those of pairs of key and certificate have no extension here.
const (
	authority      = "authority.crt"
	tokens         = "tokens.csv"
	serving        = "serving"
	accounts       = "service-accounts"
	certificateEnd = ".crt"
	keyEnd         = ".key"
)

// Users: the first two authenticate with tokens, the others with certificates.
const (
	admin   = "test-admin"
	limited = "test-limited"
	valid   = "test-certificate"
	expired = "test-expired"
)

// The group of administrators.
const masters = "system:masters"

const day = 24 * time.Hour

type keys struct {
	folder string
	files  map[string][]byte
}

// openKeys reads the folder, or creates it.
func openKeys(folder string) (*keys, error) {
	_, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		err = makeKeys(folder)
	}
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	keys := &keys{folder: folder, files: map[string][]byte{}}
	for _, entry := range entries {
		if keys.files[entry.Name()], err = os.ReadFile(keys.path(entry.Name())); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func (k *keys) path(file string) string { return filepath.Join(k.folder, file) }

// token returns the token of a user.
func (k *keys) token(user string) string {
	for _, line := range strings.Split(string(k.files[tokens]), "\n") {
		if fields := strings.Split(line, ","); len(fields) > 1 && fields[1] == user {
			return fields[0]
		}
	}
	return ""
}

// makeKeys writes the folder atomically.
func makeKeys(folder string) error {
	files := map[string][]byte{}
	issuer, err := newAuthority(files)
	if err != nil {
		return err
	}
	now := time.Now()
	requests := []struct {
		file     string
		template x509.Certificate
	}{
		{serving, x509.Certificate{
			Subject:     pkix.Name{CommonName: "kube-apiserver"},
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			DNSNames:    []string{"localhost"},
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
			NotAfter:    now.Add(365 * day),
		}},
		{valid, clientCertificate(valid, now.Add(365*day))},
		{expired, clientCertificate(expired, now.Add(-day))},
	}
	for _, request := range requests {
		if err := issuer.issue(files, request.file, &request.template); err != nil {
			return err
		}
	}
	if _, err := newKey(files, accounts); err != nil {
		return err
	}
	files[tokens] = fmt.Appendf(nil, "%s,%s,%s,%s\n%s,%s,%s\n",
		rand.Text(), admin, admin, masters, rand.Text(), limited, limited)

	unfinished := folder + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	if err := os.Mkdir(unfinished, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(unfinished, name), content, 0o600); err != nil {
			return err
		}
	}
	return os.Rename(unfinished, folder)
}

func clientCertificate(user string, until time.Time) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: user, Organization: []string{masters}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotAfter:    until,
	}
}

type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// newAuthority makes the certificate that signs all others; its key is not stored.
func newAuthority(files map[string][]byte) (*issuer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	issuer := &issuer{key: key, certificate: &x509.Certificate{
		Subject:               pkix.Name{CommonName: "kubesql test authority"},
		NotBefore:             time.Now().Add(-30 * day),
		NotAfter:              time.Now().Add(365 * day),
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}}
	return issuer, issuer.sign(files, authority, issuer.certificate, key)
}

// issue makes a key and its certificate.
func (i *issuer) issue(files map[string][]byte, name string, template *x509.Certificate) error {
	key, err := newKey(files, name)
	if err != nil {
		return err
	}
	template.NotBefore = i.certificate.NotBefore
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return i.sign(files, name+certificateEnd, template, key)
}

func (i *issuer) sign(files map[string][]byte, file string, template *x509.Certificate, key *ecdsa.PrivateKey) error {
	var err error
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return err
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, i.certificate, &key.PublicKey, i.key)
	if err != nil {
		return err
	}
	files[file] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed})
	return nil
}

func newKey(files map[string][]byte, name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	files[name+keyEnd] = pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
	return key, nil
}
