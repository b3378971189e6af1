package org.modelfailover.gateway.demo;

import org.modelfailover.gateway.DeploymentFolder.Stage;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.ProviderProcess;
import org.modelfailover.kit.ProviderProcess.Call;

/**
 * An AI endpoint of the API.
 *
 * @param id as API Manager gives it
 * @param name as an administrator gave it
 * @param provider who is behind it; null: nobody
 * @param origin where it is
 * @param path below that
 * @param stage production or sandbox
 * @param credential what the gateway has to show there
 */
record Endpoint(
        String id,
        String name,
        ProviderProcess provider,
        String origin,
        String path,
        Stage stage,
        Credential credential) {

    static Endpoint at(
            ProviderProcess provider, String id, String name, String path, Stage s, Credential c) {
        return new Endpoint(id, name, provider, provider.origin(), path, s, c);
    }

    /** The same endpoint, gone. */
    Endpoint movedTo(String elsewhere) {
        return new Endpoint(id, name, null, elsewhere, path, stage, credential);
    }

    /** Whether a call was for it. */
    boolean saw(Call call) {
        return call.provider() == provider && call.path().startsWith(path);
    }

    TestDeployment put(TestDeployment deployment) {
        return credential.put(deployment.endpoint(id, origin + path).stage(stage));
    }

    @Override
    public String toString() {
        return name;
    }
}
