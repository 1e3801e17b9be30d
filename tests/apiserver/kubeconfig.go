// The kubeconfig: one cluster, and a context for each way to authenticate.

package main

import (
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a self-contained kubeconfig, replacing an existing one atomically.
func writeKubeconfig(path, url string, keys *keys) error {
	byCertificate := func(user string) *api.AuthInfo {
		return &api.AuthInfo{
			ClientCertificateData: keys.files[user+certificateEnd],
			ClientKeyData:         keys.files[user+keyEnd],
		}
	}
	config := api.NewConfig()
	config.Clusters["test"] = &api.Cluster{Server: url, CertificateAuthorityData: keys.files[authority]}
	config.AuthInfos[admin] = &api.AuthInfo{Token: keys.token(admin)}
	config.AuthInfos[limited] = &api.AuthInfo{Token: keys.token(limited)}
	config.AuthInfos[valid] = byCertificate(valid)
	config.AuthInfos[expired] = byCertificate(expired)
	for context, user := range map[string]string{
		"default": admin, "limited": limited, "certificate": valid, "expired": expired,
	} {
		config.Contexts[context] = &api.Context{Cluster: "test", AuthInfo: user}
	}
	config.CurrentContext = "default"

	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	unfinished, err := os.CreateTemp(filepath.Dir(path), ".kubeconfig-")
	if err != nil {
		return err
	}
	_, err = unfinished.Write(text)
	if closed := unfinished.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(unfinished.Name(), path)
	}
	if err != nil {
		_ = os.Remove(unfinished.Name())
	}
	return err
}
