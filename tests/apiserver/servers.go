// The two servers: etcd in this process, and kube-apiserver over it.

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/embed"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

// startEtcd starts an etcd of one member on free ports of loopback.
func startEtcd(ctx context.Context, folder, log string) (*embed.Etcd, error) {
	config := embed.NewConfig()
	config.Dir = folder
	config.LogLevel = "warn"
	config.LogOutputs = []string{log}
	config.WarningUnaryRequestDuration = embed.DefaultWarningUnaryRequestDuration // otherwise each request is logged
	// A killed process loses no data without fsync, only a crash of the machine would.
	config.UnsafeNoFsync = true
	anyPort := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	config.ListenClientUrls = anyPort
	config.ListenPeerUrls = anyPort
	store, err := embed.StartEtcd(config)
	if err != nil {
		return nil, err
	}
	select {
	case <-store.Server.ReadyNotify():
		return store, nil
	case err = <-store.Err():
	case <-time.After(startPatience):
		err = errors.New("not ready in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	store.Close()
	return nil, err
}

type server struct {
	url string
	// ended receives one value, the error that the server ended with.
	ended chan error
}

// startServer starts kube-apiserver with the defaults of its release where possible.
func startServer(ctx context.Context, set *settings, keys *keys, etcd string) (*server, error) {
	run := options.NewServerRunOptions()
	flags := pflag.NewFlagSet("kube-apiserver", pflag.ContinueOnError)
	for _, some := range run.Flags().FlagSets {
		flags.AddFlagSet(some)
	}
	arguments := []string{
		"--etcd-servers=http://" + etcd,
		"--authorization-mode=RBAC",
		"--allow-privileged=true",
		"--service-cluster-ip-range=10.0.0.0/16",
		// The endpoint of the service `kubernetes`, which must not be loopback; an address for documentation.
		"--advertise-address=192.0.2.1",
		"--token-auth-file=" + keys.path(tokens),
		"--client-ca-file=" + keys.path(authority),
		"--tls-cert-file=" + keys.path(serving+certificateEnd),
		"--tls-private-key-file=" + keys.path(serving+keyEnd),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + keys.path(accounts+keyEnd),
		"--service-account-signing-key-file=" + keys.path(accounts+keyEnd),
	}
	if !set.controllers {
		// Without controllers there are no service accounts for pods, and finalizers of volumes are never removed.
		arguments = append(arguments, "--disable-admission-plugins=ServiceAccount,StorageObjectInUseProtection")
	}
	err := flags.Parse(append(arguments, set.serverFlags...))
	if err != nil {
		return nil, err
	}
	if err := run.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})

	listener, err := net.Listen("tcp", set.listen)
	if err != nil {
		return nil, err
	}
	address, isTCP := listener.Addr().(*net.TCPAddr)
	if !isTCP || !address.IP.IsLoopback() {
		return nil, fmt.Errorf("%s is not on loopback", listener.Addr())
	}
	run.SecureServing.Listener = listener
	run.SecureServing.BindAddress = address.IP
	run.SecureServing.BindPort = address.Port

	completed, err := run.Complete(ctx)
	if err != nil {
		return nil, err
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return nil, utilerrors.NewAggregate(errs)
	}
	server := &server{url: "https://" + address.String(), ended: make(chan error, 1)}
	go func() { server.ended <- app.Run(ctx, completed) }()
	return server, nil
}

// Objects that the server itself creates at its first start.
var firstObjects = []string{
	"/api/v1/namespaces/default",
	"/api/v1/namespaces/kube-node-lease",
	"/api/v1/namespaces/kube-public",
	"/api/v1/namespaces/kube-system",
	"/api/v1/namespaces/default/services/kubernetes",
	"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
}

// waitUntilReady waits until the server reports that it is ready and has created its first objects.
func (s *server) waitUntilReady(ctx context.Context, keys *keys) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(keys.files[authority])
	client := &http.Client{
		Timeout:   startPatience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for _, path := range append([]string{"/readyz"}, firstObjects...) {
		for {
			err := get(ctx, client, s.url+path, keys.token(admin))
			if err == nil {
				break
			}
			select {
			case ended := <-s.ended:
				return fmt.Errorf("ended at once: %w", ended)
			case <-ctx.Done():
				return fmt.Errorf("not ready in time: %w", err)
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	return nil
}

// get is an error unless the answer is 200.
func get(ctx context.Context, client *http.Client, url, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, 4096))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s", url, response.Status, body)
	}
	return nil
}
