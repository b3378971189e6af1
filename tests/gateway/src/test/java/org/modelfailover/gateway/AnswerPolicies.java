package org.modelfailover.gateway;

import org.apache.synapse.MessageContext;
import org.apache.synapse.core.axis2.Axis2MessageContext;
import org.apache.synapse.mediators.AbstractMediator;
import org.apache.synapse.transport.passthru.util.RelayUtils;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** Response and fault policies as API publishers write them. */
final class AnswerPolicies {
    private AnswerPolicies() {}

    static String xml(Class<? extends AbstractMediator> policy) {
        return "<class name=\"" + policy.getName() + "\"/>";
    }

    @SuppressWarnings("unchecked")
    private static Map<String, String> headers(MessageContext synCtx) {
        return (Map<String, String>)
                ((Axis2MessageContext) synCtx)
                        .getAxis2MessageContext()
                        .getProperty("TRANSPORT_HEADERS");
    }

    /** Adds, changes and removes headers without looking at the body. */
    public static final class ChangesHeaders extends AbstractMediator {
        static final List<Object> STATUS = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            STATUS.add(
                    ((Axis2MessageContext) synCtx).getAxis2MessageContext().getProperty("HTTP_SC"));
            headers(synCtx).put("X-Added", "by the API");
            headers(synCtx).put("X-Changed", "by the API");
            headers(synCtx).remove("X-Removed");
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Builds the message, as everything does that looks into the body. */
    public static final class ReadsBody extends AbstractMediator {
        static final List<String> SEEN = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            try {
                RelayUtils.buildMessage(
                        ((Axis2MessageContext) synCtx).getAxis2MessageContext(), false);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
            SEEN.add(synCtx.getEnvelope().getBody().getFirstElement().getText());
            return true;
        }
    }

    /** Has a defect. */
    public static final class Throws extends AbstractMediator {
        @Override
        public boolean mediate(MessageContext synCtx) {
            throw new IllegalStateException("a defect of the response policy");
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }

    /** Writes down what a fault sequence is told. */
    public static final class NotesFault extends AbstractMediator {
        static final List<Object> CODES = new CopyOnWriteArrayList<>();

        @Override
        public boolean mediate(MessageContext synCtx) {
            CODES.add(String.valueOf(synCtx.getProperty("ERROR_CODE").getClass().getSimpleName()));
            CODES.add(synCtx.getProperty("ERROR_CODE"));
            return true;
        }

        @Override
        public boolean isContentAware() {
            return false;
        }
    }
}
