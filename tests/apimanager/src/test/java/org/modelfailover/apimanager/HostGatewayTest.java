package org.modelfailover.apimanager;

import org.junit.jupiter.api.BeforeEach;
import org.modelfailover.gateway.TestDeployment;
import org.modelfailover.kit.GatewayTest;
import org.modelfailover.kit.Until;
import org.wso2.carbon.databridge.agent.DataPublisher;

/** A gateway whose APIs have API Manager's own handlers, signers and providers. */
abstract class HostGatewayTest extends GatewayTest {
    static {
        HostStatics.prepare();
    }

    @BeforeEach
    final void forgetWhatWasSeen() {
        AnswerRecorder.forget();
        DataPublisher.forget();
    }

    /** An API of its own for a provider, with the host's handlers. */
    static TestDeployment api(AiProvider provider) {
        return HostHandlers.on(api().provider(provider.id()));
    }

    /** The one answer that went through the API's handlers, or through its fault flow. */
    static RecordedAnswer recorded() {
        return Until.is(
                        "one answer passes the API's handlers",
                        AnswerRecorder::answers,
                        answers -> answers.size() == 1)
                .get(0);
    }

    /** The one count of tokens that the host published for its throttling. */
    static CountedTokens counted() {
        return Until.is(
                        "the host publishes one count of tokens",
                        CountedTokens::all,
                        counts -> counts.size() == 1)
                .get(0);
    }
}
